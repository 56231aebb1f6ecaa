"""Both pages open on whatever the lab home holds, and say in words what there is."""

import pytest
from every_kind import ERRORS, NAMES, PAIRS
from places import RUNS, TRAIN

from vit_lab import paths
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import LONGEST_NAME, Store
from vit_lab.training import device
from vit_lab.ui.serving import lab

PAGES = [TRAIN, RUNS]


def words(at):
    """All text of a page."""
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize(("page", "sentence"), [(TRAIN, "train your first pair"), (RUNS, "it will be kept here")])
def test_an_empty_home_is_said_in_words(open_page, page, sentence):
    at = open_page(page)
    assert not at.exception and not at.error
    assert len(at.info) == 1 and "No runs yet" in at.info[0].value and sentence in at.info[0].value


NOWHERE_TO_TRAIN = {
    VARIABLE: "executor: there is no 'ether'; choose threads, processes or ray, with --executor or VIT_LAB_EXECUTOR",
    device.VARIABLE: "device: 'ether' does not work; choose cpu, cuda, mps or auto",
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("variable", NOWHERE_TO_TRAIN)
def test_an_executor_or_a_device_that_there_is_not_is_said_in_a_sentence(open_page, monkeypatch, page, variable):
    monkeypatch.setenv(variable, "ether")
    at = open_page(page)
    assert not at.exception and [error.value for error in at.error] == [NOWHERE_TO_TRAIN[variable]]


def test_an_empty_list_of_runs_leads_to_training(open_page):
    at = open_page(RUNS)
    assert [link.label for link in at.page_link] == ["Open Train"]
    assert not at.dataframe and not at.text_input


@pytest.mark.parametrize("experiment", PAIRS)
def test_every_state_is_shown_with_its_word(open_page, every_kind, experiment):
    at = open_page(experiment=experiment)
    assert not at.exception and not at.error
    for letter, status in zip("AB", PAIRS[experiment], strict=False):
        assert any(f"badge[{letter}]" in m.value and f"badge[{status}]" in m.value for m in at.markdown), status
        if status in ERRORS:
            assert ERRORS[status] in [caption.value for caption in at.caption]
    assert [bar.text.partition(",")[0].partition(" of ")[2] for bar in at.progress] == ["20"] * len(PAIRS[experiment])
    assert len(at.get("vega_lite_chart")) == (2 if experiment == "picking" else 12), "weights of a run that has steps"


@pytest.mark.parametrize("experiment", PAIRS)
def test_the_controls_are_those_that_the_states_allow(open_page, every_kind, experiment):
    at = open_page(experiment=experiment)
    active = any(status in ACTIVE for status in PAIRS[experiment])
    assert at.button(key="pause").disabled == at.button(key="stop").disabled == (not active)
    assert at.button(key="resume").disabled == (experiment not in ("still", "ended"))


def test_a_queued_run_says_its_place(open_page, every_kind):
    texts = [bar.text for bar in open_page(experiment="at-work").progress]
    assert texts == ["step 10 of 20, about 1 s to go", "step 0 of 20, next in the queue, starts within a minute"]


def test_the_table_shows_every_run_newest_first(open_page, every_kind):
    at = open_page(RUNS)
    assert not at.exception and not at.error
    table = at.dataframe[0].value
    assert list(table["status"]) == every_kind.newest_first
    assert list(table["name"]) == [every_kind.name(status) for status in every_kind.newest_first]


def test_names_are_stored_as_text_and_never_drawn_as_anything_else(open_page, every_kind):
    table = open_page(RUNS).dataframe[0].value.set_index("status")
    for status in (Status.FINISHED, Status.DIVERGED, Status.FAILED, Status.STOPPED, Status.RUNNING):
        assert table.loc[status, "name"] == NAMES[status]
        assert table.loc[status, "tags"] == f"demo, {NAMES[status]}"
    assert len(table.loc[Status.PAUSED, "name"]) == LONGEST_NAME
    assert table.loc[Status.INTERRUPTED, "name"] == "unnamed"
    for page in PAGES:
        at = open_page(page)
        assert not at.get("html") and not at.get("iframe")
        assert not any(getattr(m.proto, "allow_html", False) for m in at.markdown)


def test_runs_of_a_process_that_died_are_interrupted(open_page, every_kind):
    every_kind.store.close()
    table = open_page(RUNS).dataframe[0].value
    assert not set(table["status"]) & set(ACTIVE)
    assert list(table["status"]).count(Status.INTERRUPTED) == 4


@pytest.mark.parametrize("page", PAGES)
def test_a_run_whose_config_cannot_be_read_is_listed_with_the_reason(open_page, every_kind, page):
    every_kind.make_unreadable(Status.QUEUED)
    at = open_page(page)
    assert not at.exception
    if page == RUNS:
        table = at.dataframe[0].value.set_index("status")
        assert table.loc[Status.QUEUED, "init"] == "unreadable"
        assert "flux" in table.loc[Status.QUEUED, "settings"]
    else:
        assert "flux" in words(at)
        assert any(f"badge[{Status.RUNNING}]" in m.value for m in at.markdown), "its twin is still shown"


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_database_is_said_in_one_sentence(open_page, home, page):
    paths.database().write_bytes(b"this was a database once " * 400)
    at = open_page(page)
    assert not at.exception
    assert len(at.error) == 1 and "cannot be used" in at.error[0].value and str(home) in at.error[0].value


@pytest.mark.parametrize("page", PAGES)
def test_a_home_that_cannot_be_made_is_said_in_one_sentence(open_page, home, monkeypatch, page):
    (home / "file").write_text("in the way")
    monkeypatch.setenv("VIT_LAB_HOME", str(home / "file" / "lab"))
    at = open_page(page)
    assert not at.exception
    assert len(at.error) == 1 and "VIT_LAB_HOME" in at.error[0].value


def test_an_experiment_that_does_not_exist_shows_no_runs(open_page, every_kind):
    at = open_page(experiment="<b>nowhere</b>")
    assert not at.exception and len(at.info) == 1 and not at.progress


def test_without_a_link_the_latest_experiment_is_shown(open_page, every_kind):
    at = open_page()
    assert any(f"badge[{Status.QUEUED}]" in m.value for m in at.markdown)


def test_the_dashboard_opens_from_any_folder(open_page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not open_page().exception


def test_both_pages_share_one_store(open_page, monkeypatch):
    opened = []
    monkeypatch.setattr(lab, "Store", lambda path: opened.append(path) or Store(path))
    for page in PAGES:
        assert not open_page(page).exception
    assert opened == [paths.database()]
