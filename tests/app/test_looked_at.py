"""What a visitor looked at goes with them from page to page, their own comes first, and a link is obeyed."""

import pytest
from places import COMPARE, FOLDER, RUNS, TRAIN, WEIGHTS
from tiny import pair, tiny

from vit_lab.events import Evaluated, Finished
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.ui.experiments.choose import LOOKED_AT
from vit_lab.ui.serving import lab
from vit_lab.ui.train.present import _accuracies

PRESENT = f"{FOLDER}/present.py"
BOXES = {WEIGHTS: "weights_experiment", COMPARE: "compare_experiment"}


@pytest.fixture
def class_of_two(monkeypatch):
    """Somebody's pair, then a later one of another: the first of them is here."""
    monkeypatch.setenv("VIT_LAB_CLASS", "1")
    for module in ("serving.lab", "experiments.choose", "train.overview"):
        monkeypatch.setattr(f"vit_lab.ui.{module}.visitor", lambda: "me")
    store = lab._store()
    for experiment, owner in (("mine", "me"), ("theirs", "them")):
        pair = [tiny(scheme=scheme) for scheme in ("linear-default", "xavier")]
        store.add([NewRun(one, "n", experiment, arm) for arm, one in enumerate(pair)], owner=owner)
        for run in store.runs(experiment=experiment):
            store.end(run.id, Status.FINISHED)
    return store


@pytest.mark.parametrize("page", BOXES)
def test_ones_own_come_first(open_page, class_of_two, page):
    assert open_page(page).selectbox(key=BOXES[page]).value == "mine"


def test_the_latest_on_train_is_ones_own(open_page, class_of_two):
    at = open_page(TRAIN)
    assert at.session_state[LOOKED_AT] == "mine"
    assert not any("somebody else" in m.value for m in at.markdown)
    linked = open_page(TRAIN, experiment="theirs")
    assert any("started by somebody else" in m.value for m in linked.markdown)


def test_the_menu_leads_to_what_is_on_the_screen(open_page, class_of_two):
    at = open_page(TRAIN, experiment="theirs")
    for page, box in BOXES.items():
        at.switch_page(page).run()
        assert not at.exception and at.selectbox(key=box).value == "theirs"
    at.selectbox(key=BOXES[COMPARE]).set_value("mine").run()
    at.switch_page(WEIGHTS).run()
    assert at.selectbox(key=BOXES[WEIGHTS]).value == "mine"
    at.switch_page(TRAIN).run()
    assert at.session_state[LOOKED_AT] == "mine"


@pytest.mark.parametrize("page", BOXES)
def test_an_address_that_comes_back_is_obeyed(open_page, class_of_two, page):
    """As Back in a browser brings it: the page runs again, with the query of before."""
    at = open_page(page, experiment="mine")
    at.selectbox(key=BOXES[page]).set_value("theirs").run()
    assert at.query_params["experiment"] == "theirs"
    at.query_params["experiment"] = "mine"
    at.run()
    assert at.selectbox(key=BOXES[page]).value == "mine"


@pytest.mark.parametrize("page", [TRAIN, WEIGHTS, COMPARE, PRESENT])
def test_an_experiment_that_is_not_here_is_named_on_every_page(open_page, class_of_two, page):
    at = open_page(page, experiment="gone`<b>")
    told = [element.value for element in (*at.warning, *at.info)]
    assert not at.exception and any("of this link is not here (`gone'<b>`)" in words for words in told), told


def test_a_second_tap_launches_no_second_pair(open_page, workers, monkeypatch):
    store = lab._store()
    monkeypatch.setattr(workers, "submit", lambda runs, kind="compare": store.add(runs, kind))
    at = open_page(TRAIN)
    for _ in range(2):
        at.button(key="train").click().run()
        assert not at.exception
    assert len(store.runs()) == 2
    assert "This is training already: #1 and #2." in [info.value.partition(" Change")[0] for info in at.info]
    at.number_input(key="seed").set_value(1).run()
    at.button(key="train").click().run()
    assert len(store.runs()) == 4 and not at.info


def test_the_presenters_view_has_two_curves_large_figures_and_the_verdict(open_page, every_kind):
    at = open_page(PRESENT, experiment="done")
    assert not at.exception and not at.error and len(at.get("vega_lite_chart")) == 2
    shown = " ".join(str(one.proto) for one in at.get("bidi_component"))
    done = every_kind.store.runs(experiment="done")
    assert all(run.config.init.scheme in shown for run in done)
    assert any(m.value.startswith("### ") for m in at.markdown)
    assert not at.button and not at.dataframe and not at.sidebar.children


def test_without_runs_there_is_nothing_to_present(open_page):
    at = open_page(PRESENT)
    assert not at.exception and len(at.info) == 1
    assert not open_page(RUNS).exception


def test_large_figures_are_of_one_kind_and_a_diverged_run_counts_as_guessing(every_kind):
    store = every_kind.store
    good, bad = store.add(pair([tiny(), tiny(scheme="xavier")], "large"))
    seen = Evaluated(step=10, split="validation", loss=0.3, accuracy=0.9)
    ended = Finished(
        step=10, test_loss=0.4, test_accuracy=0.8, best_step=10, best_val_accuracy=0.9, best_test_accuracy=0.8
    )
    store.append(good, [(1.0, seen), (1.0, ended)], 1.0, None)
    store.end(good, Status.FINISHED)
    store.append(bad, [(1.0, seen)], 1.0, None)
    assert _accuracies(store, Experiment.read(store, "large")) == ({0: [0.9], 1: [0.9]}, "on validation at step 10")
    store.end(bad, Status.DIVERGED)
    assert _accuracies(store, Experiment.read(store, "large")) == ({0: [0.8], 1: [0.1]}, "on the test set")


def test_large_figures_of_twins_are_of_the_last_step_that_both_have_reached(every_kind):
    store = every_kind.store
    quick, slow = store.add(pair([tiny(), tiny(scheme="xavier")], "apart"))
    told = {step: Evaluated(step=step, split="validation", loss=0.3, accuracy=step / 100) for step in (2, 4, 6)}
    store.append(quick, [(1.0, told[2]), (1.0, told[4]), (1.0, told[6])], 1.0, None)
    assert _accuracies(store, Experiment.read(store, "apart")) == ({}, "on validation")
    store.append(slow, [(1.0, told[2]), (1.0, told[4])], 1.0, None)
    assert _accuracies(store, Experiment.read(store, "apart")) == ({0: [0.04], 1: [0.04]}, "on validation at step 4")
