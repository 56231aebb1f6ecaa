"""The lesson on positions: every control, the encodings it draws, and the pair that is trained and shuffled."""

import numpy as np
import pytest
from controls import chart_rows, keys_of, matrix_of, turned
from lessons import damage, finished, words_of
from places import FOLDER, RUNS
from tiny import pair, tiny

from vit_lab import paths
from vit_lab.analysis.statistics import accuracy_error
from vit_lab.config import RunConfig
from vit_lab.models.vit import sinusoidal_positions
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.ui.learn.positions import shuffle
from vit_lab.ui.learn.positions.figures import KINDS, SIZES, curve_rows
from vit_lab.ui.learn.positions.shuffle import NAMES, PAIR, finished_pair

PAGE = f"{FOLDER}/learn_positions.py"
COMMON = {"kind": KINDS, "positions_patch": SIZES}


def open_with(open_page, **controls):
    """The page, with some controls turned."""
    at = open_page(PAGE)
    for key, value in controls.items():
        at.session_state[key] = value
    return at.run()


@pytest.mark.parametrize(("kind", "size"), [("sinusoidal", 4), ("learned", 7), ("sinusoidal", 14)])
def test_every_control(open_page, kind, size):
    at = open_with(open_page, kind=kind, positions_patch=size)
    count = (28 // size) ** 2
    controls = {"dimensions-64": [[], ["63"], ["0", "1", "2", "3", "4", "5"]], f"position-{count}": range(count)}
    for key, value in turned(at, {"kind": [kind], "positions_patch": [size]} | controls):
        words = words_of(at)
        assert f"**All {count} positions, 64 numbers each**" in words
        assert ("PE_" in words) == (kind == "sinusoidal")
        if key.startswith("position-"):
            rows = chart_rows(at, f"Cosine similarity to position {value}")
            assert rows["chosen"].tolist().index(True) == value and rows["value"][value] == pytest.approx(1, abs=1e-5)
            alike = matrix_of(chart_rows(at, "Cosine similarity of all positions"))
            np.testing.assert_allclose(rows["value"], alike[value], atol=1e-6)


def test_the_kinds_and_sizes_may_be_turned_while_the_page_is_open(open_page):
    at = open_page(PAGE)
    for kind in KINDS:
        for size in SIZES:
            at.session_state["kind"], at.session_state["positions_patch"] = kind, size
            at.run()
            assert not at.exception and f"position-{(28 // size) ** 2}" in keys_of(at)


def test_the_sines_are_those_of_the_model(open_page):
    at = open_with(open_page)
    found = matrix_of(chart_rows(at, "sinusoidal positions"))
    np.testing.assert_allclose(found, sinusoidal_positions(16, 64), atol=1e-6)


def test_learned_positions_are_of_the_latest_run_that_has_them(open_page):
    at = open_with(open_page, kind="learned")
    assert "No run with learned positions and patch size 7" in words_of(at)
    assert "Train with learned positions" in [link.label for link in at.page_link]
    start = matrix_of(chart_rows(at, "learned positions"))
    assert 0.005 < start.std() < 0.03
    run = finished(position="learned", patch_size=7, pool="cls", dim=8)
    finished(position="sinusoidal", patch_size=7)
    finished(position="learned", patch_size=14)
    at = open_with(open_page, kind="learned")
    assert f"Learned by run {run.number} (" in words_of(at)
    assert matrix_of(chart_rows(at, "learned positions")).shape == (16, 8), "the class token's is left out"
    assert not at.exception


def test_curves_are_columns():
    rows = curve_rows(np.arange(6, dtype=np.float32).reshape(3, 2), ["1"])
    assert rows.to_dict("list") == {"position": [0, 1, 2], "dimension": ["1"] * 3, "value": [1, 3, 5]}


def test_the_button_launches_a_pair_that_differs_in_positions_alone(open_page, workers):
    at = open_page(PAGE)
    at.button(key="train_pair").click().run()
    assert not at.exception
    ((first, second),) = workers.submitted
    assert [first.name, second.name] == ["with positions, seed 0", "without positions, seed 0"]
    assert first.config.model.position == "sinusoidal"
    assert configure(first.config, position="none") == second.config
    assert first.experiment == second.experiment and (first.arm, second.arm) == (0, 1)


@pytest.fixture
def lesson_pair(monkeypatch) -> dict[str, RunConfig]:
    """The lesson's own pair, made tiny."""
    settings = {"steps": 20, "patch_size": 7, "train_size": 500}
    pair = {name: tiny(**settings, position=config.model.position) for name, config in PAIR.items()}
    monkeypatch.setattr(shuffle, "PAIR", pair)
    return pair


def test_a_pair_is_trained_shown_on_its_way_measured_and_kept(open_page, lesson_pair):
    at = open_page(PAGE)
    at.button(key="train_pair").click().run()
    assert not at.exception
    for _ in range(200):
        if chart_is_there(at):
            break
        at.run()
    assert not at.exception and chart_is_there(at), "the pair was never measured"
    rows = chart_rows(at, "Accuracy on images as they are")
    assert len(rows) == 6 and set(rows["model"]) == set(NAMES) and (rows["images"] == 2_000).all()
    plain = rows[rows["arm"] == "B"]["accuracy"]
    assert plain.nunique() == 1, "without positions the order of patches cannot matter"
    for row in rows.itertuples():
        assert row.error == pytest.approx(accuracy_error(row.accuracy, 2_000))
        assert row.high - row.low == pytest.approx(2 * row.error)
    assert at.table[-1].value.shape == (3, 2) and "n = 2,000" in words_of(at)
    names = open_page(RUNS).dataframe[0].value["name"].tolist()
    assert sorted(names) == ["with positions, seed 0", "without positions, seed 0"]


def chart_is_there(at) -> bool:
    """Whether the accuracies are drawn."""
    return any(one.proto.alt.startswith("Accuracy on images as they are") for one in at.get("vega_lite_chart"))


def test_a_pair_that_is_there_already_is_measured_at_once(open_page):
    for position in ("sinusoidal", "none"):
        finished(position=position, patch_size=7)
    at = open_page(PAGE)
    assert not at.exception and chart_is_there(at) and "train_pair" not in [button.key for button in at.button]


def test_a_pair_that_cannot_be_read_back_is_said_and_can_be_trained_anew(open_page):
    for position in ("sinusoidal", "none"):
        run = finished(position=position, patch_size=7)
    damage(run)
    at = open_page(PAGE)
    assert not at.exception and not at.error and f"Run {run.number} is passed over" in at.warning[0].value
    assert "train_pair" in [button.key for button in at.button] and not chart_is_there(at)


def test_only_runs_that_differ_in_nothing_else_are_a_pair(home):
    wanted = finished(position="sinusoidal", seed=1)
    plain = finished(position="none", seed=1)
    finished(position="none", seed=2)
    finished(position="sinusoidal", seed=3)
    finished(position="learned", seed=2)
    store = Store(paths.database())
    assert finished_pair(store) == (wanted, plain)
    store.delete([wanted.id])
    assert finished_pair(store) is None
    store.close()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_while_a_pair_is_at_work_no_other_is_offered(open_page, workers, status):
    store = Store(paths.database())
    for run_id in store.add(pair(list(PAIR.values()), "lesson")):
        store._set(run_id, status=status)
    at = open_page(PAGE)
    assert not at.exception and len(at.get("progress")) == 1
    assert "train_pair" not in [button.key for button in at.button] and not at.button(key="stop").disabled
    store.close()


@pytest.mark.parametrize("status", [Status.STOPPED, Status.PAUSED, Status.FAILED, Status.INTERRUPTED])
def test_a_pair_that_stands_still_can_be_resumed_here(open_page, workers, status):
    store = Store(paths.database())
    ids = store.add(pair(list(PAIR.values()), "lesson"))
    for run_id in ids:
        store.end(run_id, status)
    store.close()
    assert not open_page(PAGE).get("progress"), "whoever did not start it has nothing to do with it"
    at = open_page(PAGE, train_positions="lesson")
    assert not at.exception and "train_pair" in [button.key for button in at.button], "others need not wait for it"
    at.button(key="resume").click().run()
    assert workers.asked == [("resume", run_id) for run_id in ids]
