"""The Runs page finds runs, opens them, queues them again and keeps to the rows that a person selected."""

import pytest
import streamlit as st
from every_kind import PAIRS
from places import COMPARE, RUNS, TRAIN
from tiny import record, tiny

from vit_lab import paths
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.settings import configure
from vit_lab.ui.experiments import downloads
from vit_lab.ui.runs.table import _settings


@pytest.fixture
def table(open_page, every_kind):
    """The Runs page with the runs of every kind."""
    return open_page(RUNS)


def select(at, *rows):
    """Select rows, as a click on their boxes does."""
    at.session_state["table"] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return at.run()


def rows_of(every_kind, *states):
    """The rows in which the table shows the runs of these states."""
    return [every_kind.newest_first.index(status) for status in states]


def enabled(at):
    """The buttons that can be pressed."""
    buttons = [*at.button, *at.get("download_button")]
    return {button.key for button in buttons if not button.disabled}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [*Status]),
        ("finished", ["finished"]),
        ("FINISHED", ["finished"]),
        ("drop table", ["diverged"]),
        ("🦊", ["failed"]),
        ("xavier demo", ["diverged", "paused", "interrupted", "queued"]),
        ("'; --", []),
        ("<script>", ["finished"]),
        ("% _", []),
        ("no such words", []),
    ],
)
def test_search_keeps_the_runs_in_which_every_word_stands(table, words, found):
    table.text_input(key="search").set_value(words).run()
    assert not table.exception
    shown = table.dataframe[0].value
    if words == "% _":
        assert set(shown["status"]) <= {"running"}
    else:
        assert set(shown["status"]) == set(found)


def test_without_a_selection_nothing_can_be_pressed(table):
    assert enabled(table) == set()
    assert table.caption[-1].value.startswith("Select rows")


@pytest.mark.parametrize(
    ("states", "buttons"),
    [
        ([Status.FINISHED], {"open", "look", "reuse", "edit", "again", "delete", "csv", "json", "code"}),
        ([Status.FINISHED, Status.DIVERGED], {"open", "look", "reuse", "edit", "again", "delete", "csv", "json"}),
        ([Status.PAUSED], {"open", "look", "reuse", "edit", "again", "resume", "delete", "csv", "json", "code"}),
        ([Status.RUNNING], {"open", "look", "reuse", "edit", "again", "pause", "stop", "csv", "json", "code"}),
        (
            [Status.QUEUED, Status.FAILED],
            {"open", "look", "reuse", "edit", "again", "pause", "stop", "resume", "csv", "json"},
        ),
    ],
)
def test_the_buttons_are_those_that_the_selection_allows(table, every_kind, states, buttons):
    select(table, *rows_of(every_kind, *states))
    assert not table.exception and enabled(table) == buttons


def test_run_again_queues_the_same_configs_as_a_new_experiment(table, every_kind, workers):
    select(table, *rows_of(every_kind, Status.FINISHED, Status.DIVERGED))
    table.button(key="again").click().run()
    assert not table.exception
    (again,) = workers.submitted
    before = [every_kind.store.run(every_kind.ids[status]) for status in PAIRS["done"]]
    assert [run.config for run in again] == [run.config for run in before]
    assert [run.name for run in again] == [run.name for run in before]
    assert [run.arm for run in again] == [0, 1]
    assert len({run.experiment for run in again}) == 1 and again[0].experiment not in PAIRS


def test_run_again_then_shows_the_new_runs(table, every_kind, workers):
    select(table, *rows_of(every_kind, Status.FINISHED))
    table.button(key="again").click().run()
    assert table.query_params["experiment"] == workers.submitted[0][0].experiment
    assert any(button.key == "train" for button in table.button)


def test_seeds_of_one_setting_are_one_arm(table, every_kind, workers):
    small, large = (every_kind.store.run(every_kind.ids[status]).config for status in PAIRS["done"])
    for seed in (1, 2):
        runs = [configure(config, seed=seed) for config in (small, large)]
        every_kind.store.add([NewRun(config, "seeded", "seeds", arm) for arm, config in enumerate(runs)])
    select(table.run(), 3, 2, 1, 0)  # the newest four, in the order of their launch
    table.button(key="again").click().run()
    assert not table.exception
    assert [(run.arm, run.config.seed) for run in workers.submitted[0]] == [(0, 1), (1, 1), (0, 2), (1, 2)]


def test_open_shows_the_experiment_of_the_first_selected_run(table, every_kind):
    select(table, *rows_of(every_kind, Status.INTERRUPTED))
    table.button(key="open").click().run()
    assert not table.exception and table.query_params["experiment"] == "ended"
    assert any("badge[stopped]" in m.value for m in table.markdown)


@pytest.mark.parametrize(
    ("key", "asked", "states"),
    [
        ("pause", "pause", [Status.QUEUED, Status.RUNNING]),
        ("stop", "stop", [Status.QUEUED, Status.RUNNING]),
        ("resume", "resume", [Status.FAILED, Status.INTERRUPTED]),
    ],
)
def test_steering_reaches_each_selected_run(table, every_kind, workers, key, asked, states):
    select(table, *rows_of(every_kind, *states, Status.FINISHED))
    table.button(key=key).click().run()
    assert not table.exception
    assert workers.asked == [(asked, every_kind.ids[status]) for status in states]


def test_while_rows_are_selected_no_row_moves(table, every_kind):
    select(table, *rows_of(every_kind, Status.FAILED))
    before = list(table.dataframe[0].value["name"])
    launched = every_kind.store.run(every_kind.ids[Status.FINISHED])
    every_kind.store.add([launched_again(launched)])
    assert list(table.run().dataframe[0].value["name"]) == before
    assert len(select(table).dataframe[0].value) == len(before) + 1


def launched_again(run):
    """The same run once more, by another session."""
    return NewRun(run.config, "launched elsewhere", "elsewhere")


def test_selected_rows_stay_when_a_run_starts_elsewhere(open_page, every_kind):
    """The rows shown are all at rest and another session starts a run: the page must come to rest too."""
    at = open_page(RUNS)
    for status in (Status.RUNNING, Status.QUEUED):
        every_kind.store.end(every_kind.ids[status], Status.FINISHED)
    select(at, 0)
    every_kind.store.add([launched_again(every_kind.store.run(every_kind.ids[Status.FINISHED]))])
    at.run(timeout=15)
    assert not at.exception and "open" in enabled(at)


def test_a_search_that_hides_the_runs_at_work_comes_to_rest(table):
    table.text_input(key="search").set_value("finished").run(timeout=15)
    assert not table.exception and list(table.dataframe[0].value["status"]) == ["finished"]


def test_rename_and_tag_start_from_what_there_is(table, every_kind):
    select(table, *rows_of(every_kind, Status.DIVERGED))
    table.button(key="edit").click().run()
    fields = {field.label: field.value for field in table.text_input}
    assert fields["Name"] == every_kind.name(Status.DIVERGED)
    assert fields["Tags"] == f"demo, {every_kind.name(Status.DIVERGED)}"


def test_many_runs_are_tagged_at_once_and_their_names_are_not_asked_for(table, every_kind):
    states = (Status.FINISHED, Status.STOPPED)
    select(table, *rows_of(every_kind, *states))
    table.button(key="edit").click().run()
    assert not table.exception
    labels = [field.label for field in table.text_input if field.key != "search"]
    assert labels == ["Tags of 2 runs, in place of those they have"]


def test_accuracies_are_in_percent_and_what_is_missing_is_no_none(table, every_kind):
    shown = table.dataframe[0]
    finished = every_kind.store.run(every_kind.ids[Status.FINISHED])
    by_state = shown.value.set_index("status")
    assert by_state.loc["finished", "test_accuracy"] == pytest.approx(100 * finished.test_accuracy)
    assert by_state.loc["finished", "number"] == finished.number and shown.proto.placeholder == "–"


def test_somebody_of_a_class_may_see_their_own_runs_alone(open_page, every_kind, monkeypatch):
    monkeypatch.setenv("VIT_LAB_CLASS", "1")
    monkeypatch.setattr("vit_lab.ui.serving.visitor.visitor", lambda: "me")
    monkeypatch.setattr("vit_lab.ui.serving.lab.visitor", lambda: "me")
    run = every_kind.store.run(every_kind.ids[Status.FINISHED])
    every_kind.store.add([NewRun(run.config, "my own", "mine", status=Status.STOPPED)], owner="me")
    at = open_page(RUNS)
    assert len(at.dataframe[0].value) == len(Status) + 1
    at.toggle(key="mine").set_value(True).run()
    assert not at.exception and list(at.dataframe[0].value["name"]) == ["my own"]
    at.toggle(key="mine").set_value(False).run()
    assert len(at.dataframe[0].value) == len(Status) + 1


def test_delete_asks_first_and_names_what_will_be_lost(table, every_kind):
    select(table, *rows_of(every_kind, Status.FINISHED, Status.STOPPED))
    table.button(key="delete").click().run()
    assert not table.exception
    assert any("Delete 2 runs with all measurements? This cannot be undone." in m.value for m in table.markdown)
    for status in (Status.FINISHED, Status.STOPPED):
        number = every_kind.store.run(every_kind.ids[status]).number
        assert f"#{number}  {every_kind.name(status)}" in table.code[0].value
    table.button(key="delete-cancelled").click().run()
    assert not table.exception and len(every_kind.store.runs()) == len(Status)


def test_a_run_whose_config_cannot_be_read_may_be_deleted_but_not_run_again(table, every_kind):
    every_kind.make_unreadable(Status.FINISHED)
    select(table, *rows_of(every_kind, Status.FINISHED))
    assert not table.exception
    assert enabled(table) == {"open", "edit", "delete"}


def test_the_pages_lead_to_one_another(table):
    table.switch_page(TRAIN).run()
    assert not table.exception and any(button.key == "train" for button in table.button)


def test_the_settings_of_a_run_leave_out_what_its_kind_does_not_have():
    told = _settings(configure(kind="transformer", dataset="copy"))
    assert "dataset copy" in told and "kind transformer" in told and "None" not in told


def test_measurements_of_too_many_runs_are_for_the_command_line(open_page, every_kind, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_RUNS", 0)
    at = open_page(COMPARE, experiment="done")
    (curves,) = [button for button in at.get("download_button") if button.proto.label == "Curves as CSV"]
    assert curves.proto.disabled and "vit-lab export" in curves.proto.help
    (report,) = [button for button in at.get("download_button") if button.proto.label == "Report"]
    assert not report.proto.disabled


def test_the_code_that_a_page_gives_away_names_no_folder_of_the_server(monkeypatch):
    given = []
    monkeypatch.setattr(downloads.st, "download_button", lambda label, data, *_, **__: given.append(data()))
    downloads.script_button(record(configure()))
    assert 'DATA = "mnist_10k.npz"' in given[0] and str(paths.top()) not in given[0]


def test_many_runs_are_a_page_and_a_button_for_more(open_page, store, monkeypatch):
    monkeypatch.setattr("vit_lab.ui.runs.table.A_PAGE", 2)
    store.add([NewRun(tiny(seed=seed), f"number {seed}", "e", status=Status.STOPPED) for seed in range(5)])
    at = open_page(RUNS)
    assert list(at.dataframe[0].value["name"]) == ["number 4", "number 3"]
    assert any("3 older runs not shown" in caption.value for caption in at.caption)
    at.button(key="more").click().run()
    assert not at.exception and len(at.dataframe[0].value) == 2 + 2


def test_the_table_moves_while_any_run_is_at_work_whatever_is_searched_for(open_page, every_kind, monkeypatch):
    told, fragment = [], st.fragment

    def noted(draw=None, *, run_every=None):
        told.append(run_every)
        return fragment(draw, run_every=run_every)

    monkeypatch.setattr(st, "fragment", noted)
    at = open_page(RUNS)
    at.text_input(key="search").set_value("finished").run()
    assert told[-1] == 2.0
    for run in every_kind.store.listing.at_work():
        every_kind.store.end(run.id, Status.FINISHED)
    at.run()
    assert told[-1] is None and len(at.dataframe[0].value) > 1


def test_a_box_tells_of_what_it_leaves_out(open_page, every_kind, monkeypatch):
    monkeypatch.setattr("vit_lab.runs.listing.MOST_RUNS", 1)
    monkeypatch.setattr("vit_lab.runs.listing.FEWEST", 1)
    at = open_page(COMPARE)
    [box] = [box for box in at.selectbox if box.label == "Experiment"]
    assert len(box.options) == 1 and "more on the page Runs" in box.help
    (hidden, *_) = [
        one.id for one in Experiment.read_all(every_kind.store) if one.id != box.value and len(one.runs) > 1
    ]
    linked = open_page(COMPARE, experiment=hidden)
    assert linked.selectbox(key="compare_experiment").value == hidden
