"""What came out of a pair is said on Train, and the ways from there: inside, to the weights, to more seeds."""

import pytest
import streamlit as st
from every_kind import SCHEMES
from places import COMPARE, LEARN_TRANSFORMER, RUNS, TRAIN, WEIGHTS
from test_runs_page import rows_of, select
from tiny import tiny

from vit_lab import paths
from vit_lab.events import Finished, StepMeasured
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.look import INSIDE
from vit_lab.ui.figures import live_curves
from vit_lab.ui.figures.charts import CLICKED


def ended(*accuracies, experiment="two"):
    """Store an experiment of one seed whose arms have finished with these accuracies; the ids of its runs."""
    store = Store(paths.database())
    runs = [NewRun(tiny(scheme=s, seed=3), s, experiment, i) for i, s in enumerate(SCHEMES[: len(accuracies)])]
    ids = store.add(runs)
    for run_id, accuracy in zip(ids, accuracies, strict=True):
        told = {"test_loss": 0.5, "test_accuracy": accuracy, "best_val_accuracy": 0.5, "best_test_accuracy": accuracy}
        store._set(run_id, status=Status.RUNNING)
        last = StepMeasured(step=10, loss=0.5, accuracy=0.5, learning_rate=0.004, gradient_norm=1.0)
        store.append(run_id, [(1.0, last), (1.0, Finished(step=10, best_step=10, **told))], 30.0, 900.0)
        store.end(run_id, Status.FINISHED)
    store.close()
    return ids


def sentences(at):
    """What the page says came out."""
    return [m.value for m in at.markdown if "demonstration, not evidence" in m.value]


@pytest.fixture
def opened(monkeypatch):
    """The pages that were opened, each with its query."""
    found = []

    def note(page, *, query_params):
        found.append((page, query_params))
        st.stop()

    monkeypatch.setattr(st, "switch_page", note)
    return found


def test_a_pair_that_has_ended_is_told_with_its_letters_in_their_colours(open_page):
    ended(0.911, 0.934)
    assert sentences(open_page()) == [
        ":orange-badge[B] xavier ended 2.3 points above :blue-badge[A] linear-default: test accuracy 93.4% against "
        "91.1%. One pair is a demonstration, not evidence."
    ]


def test_a_diverged_run_counts_as_guessing(open_page, every_kind):
    (words,) = sentences(open_page(experiment="done"))
    assert "linear-default ended 77.0 points above" in words and "xavier (diverged, counted as guessing)" in words


def test_a_single_arm_is_compared_with_nothing_but_can_be_looked_into(open_page):
    ended(0.911)
    at = open_page()
    keys = {button.key for button in at.button}
    assert not at.exception and not sentences(at) and {"look", "weights"} <= keys and "repeat" not in keys


@pytest.mark.parametrize("experiment", ["at-work", "still", "ended", "picking"])
def test_nothing_is_said_while_a_run_has_no_result(open_page, every_kind, experiment):
    at = open_page(experiment=experiment)
    assert not at.exception and not sentences(at) and "look" not in {button.key for button in at.button}


def test_a_pair_is_repeated_from_six_seeds_that_nobody_has_seen(open_page, workers, opened):
    ended(0.911, 0.934)
    at = open_page()
    button = at.button(key="repeat")
    assert button.label == "Repeat with 6 seeds: 12 runs"
    assert "12 runs, about 2 min if each takes as long" in button.help  # 6 seeds of 2 runs of 30 s, on 3 workers
    button.click().run()
    assert not at.exception
    (runs,) = workers.submitted
    expected = [tiny(scheme=scheme, seed=seed) for seed in range(4, 10) for scheme in SCHEMES]
    assert [run.config for run in runs] == expected and [run.arm for run in runs] == [0, 1] * 6
    assert opened == [(COMPARE, {"experiment": runs[0].experiment})]


def test_buttons_lead_inside_and_to_the_weights(open_page, opened):
    ended(0.911, 0.934)
    for key, page in (("look", INSIDE), ("weights", WEIGHTS)):
        open_page().button(key=key).click().run()
        assert opened.pop() == (page, {"experiment": "two"})


def test_weights_lead_inside_at_the_step_that_is_shown(open_page, every_kind, opened):
    at = open_page(WEIGHTS, experiment="done")
    at.select_slider(key="step").set_value(0).run()
    at.button(key="look").click().run()
    assert opened == [(INSIDE, {"experiment": "done", "step": "0"})]


def test_runs_lead_inside_the_experiment_of_the_first_selected(open_page, every_kind, opened):
    at = select(open_page(RUNS), *rows_of(every_kind, Status.INTERRUPTED))
    at.button(key="look").click().run()
    assert opened == [(INSIDE, {"experiment": "ended"})]


def test_a_click_on_a_curve_opens_the_nearest_kept_step_once(open_page, opened):
    run_id, _ = ended(0.911, 0.934)
    for step in (2, 7):
        paths.snapshots_of(run_id).mkdir(parents=True, exist_ok=True)
        paths.snapshot(run_id, step).touch()
    at = open_page()
    at.session_state[live_curves.CLICKED_POINT] = {"run": run_id, "step": 6}
    at.run()
    assert opened == [(INSIDE, {"experiment": "two", "step": "7"})]
    at.run()
    assert len(opened) == 1 and not at.exception and sentences(at), "whoever comes back stays"


def test_a_click_on_runs_that_are_not_shown_any_more_leads_nowhere(open_page, opened):
    ended(0.911, 0.934)
    at = open_page()
    at.session_state[live_curves.CLICKED_POINT] = {"run": "another", "step": 6}
    assert not at.run().exception and not opened and live_curves.CLICKED_POINT not in at.session_state


@pytest.mark.parametrize(("points", "noted"), [([], None), ([{"run": "a", "step": 6}], {"run": "a", "step": 6})])
def test_a_click_is_noted_unless_it_is_beside_the_points(monkeypatch, points, noted):
    state = {"loss": {"selection": {CLICKED: points}}}
    monkeypatch.setattr(st, "session_state", state)
    live_curves._note_click("loss")
    assert state.get(live_curves.CLICKED_POINT) == noted


@pytest.mark.parametrize("page", [TRAIN, LEARN_TRANSFORMER])
def test_the_page_says_what_a_click_does_wherever_there_are_curves(open_page, page, workers):
    ended(0.911, 0.934)
    at = open_page(page)
    charts = [chart for chart in at.get("vega_lite_chart") if chart.proto.alt == "Loss of each arm by step"]
    assert len(charts) == sum("A click on a point looks inside" in caption.value for caption in at.caption)
