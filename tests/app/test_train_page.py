"""The Train page starts runs, follows them and steers them, and fetches data that is not there."""

import time

import pytest
from every_kind import SCHEMES
from places import COMPARE, RUNS, TRAIN
from streamlit.testing.v1 import AppTest
from tiny import tiny

from vit_lab import paths
from vit_lab.data.errors import DatasetError
from vit_lab.runs.errors import StoreError
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.ui.figures import charts
from vit_lab.ui.serving import lab

TINY = {
    "dim": "8",
    "depth": "1",
    "heads": "1",
    "patch_size": "14",
    "steps": "6",
    "train_size": "64",
    "warmup_steps": "2",
}


def keys(at):
    """The buttons of a page."""
    return [button.key for button in at.button]


def wait_for_end(seconds=60.0):
    """The runs in the store of this home, once none of them is at work."""
    store = Store(paths.database())
    try:
        deadline = time.monotonic() + seconds
        while any(run.status in ACTIVE for run in store.runs()):
            assert time.monotonic() < deadline, "the runs did not end"
            time.sleep(0.05)
        return store.runs()
    finally:
        store.close()


def test_one_click_trains_both_arms(open_page):
    at = open_page(**TINY)
    at.button(key="train").click().run()
    assert not at.exception and len(at.progress) == 2
    large, small = wait_for_end()
    assert {run.status for run in (small, large)} == {Status.FINISHED}
    assert small.config == configure(**{k: int(v) for k, v in TINY.items()}) and large.config.init.scheme == "xavier"
    assert small.experiment == large.experiment == at.query_params["experiment"]
    at.run()
    assert not at.exception
    for letter in "AB":
        assert any(f"badge[{letter}]" in m.value and "badge[finished]" in m.value for m in at.markdown)
    assert [bar.value for bar in at.progress] == [100, 100]
    tests = [metric.value for metric in at.metric if metric.label == "Test"]
    assert tests == [f"{run.test_accuracy:.1%}" for run in (small, large)]
    at.switch_page(RUNS).run()
    assert list(at.dataframe[0].value["progress"]) == [1.0, 1.0]
    assert all(len(losses) == 6 for losses in at.dataframe[0].value["loss"])


@pytest.mark.parametrize("key", ["pause", "stop"])
def test_a_button_reaches_every_run_at_work(open_page, every_kind, workers, key):
    at = open_page(experiment="at-work")
    at.button(key=key).click().run()
    assert not at.exception
    assert workers.asked == [(key, every_kind.ids[status]) for status in (Status.RUNNING, Status.QUEUED)]


def test_resume_reaches_every_run_that_stands_still(open_page, every_kind, workers):
    at = open_page(experiment="still")
    at.button(key="resume").click().run()
    assert not at.exception
    assert workers.asked == [("resume", every_kind.ids[status]) for status in (Status.FAILED, Status.PAUSED)]


@pytest.mark.parametrize("page", [TRAIN, COMPARE])
def test_what_holds_training_up_is_said_over_runs_of_this_server_only(open_page, workers, page):
    workers.problem = "the disk is full; free some space"
    store = lab._store()
    store.add(
        [
            NewRun(tiny(scheme=scheme, seed=seed), "n", "mine", arm)
            for arm, scheme in enumerate(SCHEMES)
            for seed in (0, 1)
        ]
    )
    at = open_page(page, experiment="mine")
    assert [warning.value for warning in at.warning] == [f"Training is held up: {workers.problem}"]
    other = Store(paths.database())
    other.add(
        [
            NewRun(tiny(scheme=scheme, seed=seed), "n", "theirs", arm)
            for arm, scheme in enumerate(SCHEMES)
            for seed in (0, 1)
        ]
    )
    assert not open_page(page, experiment="theirs").warning
    other.close()


def test_a_store_that_refuses_a_run_is_said_in_its_sentence(open_page, workers, monkeypatch):
    def refuse(runs, kind):
        raise StoreError("the disk is full; free some space")

    monkeypatch.setattr(workers, "submit", refuse)
    at = open_page()
    at.button(key="train").click().run()
    assert not at.exception and [error.value for error in at.error] == ["the disk is full; free some space"]
    assert "experiment" not in at.query_params


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "cifar-10"])
def test_data_that_is_not_here_is_offered_for_download(open_page, dataset):
    at = open_page(dataset=dataset)
    assert not at.exception
    assert "download" in keys(at) and "train" not in keys(at)
    size = {"mnist": 67, "fashion-mnist": 86, "cifar-10": 170}[dataset]
    assert at.warning[0].value.startswith(f"{dataset} is not on this machine. Download it ({size} MB), or choose")


def test_a_download_that_fails_says_why_and_may_be_tried_again(open_page, monkeypatch):
    def fail(name):
        yield 0.25
        raise DatasetError(f"{name} could not be downloaded (no route to host); check the network")

    monkeypatch.setattr("vit_lab.data.download.download", fail)
    at = open_page(dataset="mnist")
    at.button(key="download").click().run()
    assert not at.exception
    assert [error.value for error in at.error] == [
        "mnist could not be downloaded (no route to host); check the network"
    ]
    assert "download" in keys(at)


def test_after_a_download_one_can_train(open_page, monkeypatch):
    arrived = set()

    def fetch(name):
        yield from (0.0, 0.5, 1.0)
        arrived.add(name)

    monkeypatch.setattr("vit_lab.data.download.download", fetch)
    monkeypatch.setattr("vit_lab.datasets.is_available", lambda name: name in arrived)
    at = open_page(dataset="fashion-mnist")
    at.button(key="download").click().run()
    assert not at.exception and arrived == {"fashion-mnist"}
    assert "train" in keys(at) and not at.warning


def test_the_words_beside_the_picture_follow_the_form(open_page):
    at = open_page(patch_size="4", dim="32", depth="2", heads="8", pool="cls")
    sentence = next(m.value for m in at.markdown if "patches" in m.value)
    assert "**49 patches and a class token** become **50 tokens** of 32 numbers. 2 blocks of 8 heads" in sentence
    alt = "A digit in 4-pixel patches"
    assert any(alt in str(image.proto) for image in at.get("image"))


def test_the_words_beside_frames_and_sequences_follow_the_form_too(open_page):
    at = open_page(
        kind="timesformer", patch_size="14", num_frames="5", depth="1", heads="1", space_time="joint", dim="8"
    )
    sentence = next(m.value for m in at.markdown if "frames" in m.value)
    assert "**5 frames of 4 patches** become **20 tokens** of 8 numbers. 1 block of 1 head, " in sentence
    assert sentence.endswith("A patch attends to the patches of all frames.")
    assert any("5 frames of a digit in 14-pixel patches" in str(image.proto) for image in at.get("image"))
    at = open_page(kind="transformer", sequence_length="3", vocabulary="6", dataset="reverse", depth="2")
    sentence = next(m.value for m in at.markdown if "symbols" in m.value)
    assert "**3 symbols** become **3 tokens** of 64 numbers. 2 encoder and 2 decoder blocks of 4 heads, " in sentence
    assert any("`3 5 2`" in m.value and "`2 5 3`" in m.value for m in at.markdown)


def test_the_charts_name_the_arms_by_colour(open_page, every_kind):
    at = open_page(experiment="done")
    assert ":blue-badge[A] linear-default   :orange-badge[B] xavier" in [m.value for m in at.markdown]


def test_arms_of_one_init_are_told_apart_by_what_else_differs(open_page, home):
    store = Store(paths.database())
    configs = [configure(position=position) for position in ("sinusoidal", "none")]
    store.add([NewRun(config, "", "pair", arm, status=Status.STOPPED) for arm, config in enumerate(configs)])
    store.close()
    at = open_page()
    assert not at.exception
    names = ["linear-default, position sinusoidal", "linear-default, position none"]
    for letter, name in zip("AB", names, strict=True):
        assert any(f"badge[{letter}] **{name}**" in m.value for m in at.markdown)
    assert f":blue-badge[A] {names[0]}   :orange-badge[B] {names[1]}" in [m.value for m in at.markdown]


def test_a_line_says_what_the_runs_under_the_form_are(open_page, every_kind):
    for query, whose in (({"kind": "transformer"}, "Latest runs"), ({"experiment": "done"}, "The runs of this link")):
        at = open_page(**query)
        assert any(m.value.startswith(f"**{whose}**: vit on mnist-10k, launched ") for m in at.markdown), whose


def test_an_arm_that_joins_between_two_ticks_waits_until_the_page_has_named_it(every_kind):
    def weights_only():
        from vit_lab.runs.experiments import Experiment
        from vit_lab.ui.serving import lab
        from vit_lab.ui.train import live

        store = lab.open_store()
        live._weights(store, {0: "the only one that had a name"}, Experiment.read(store, "done"))

    at = AppTest.from_function(weights_only)
    at.session_state["framed"] = True
    assert not at.run().exception and len(at.get("vega_lite_chart")) == len(charts.WEIGHTS)


def test_the_charts_of_weights_wait_for_the_first_step_of_runs_that_are_at_work(every_kind):
    def weights_only():
        from dataclasses import replace

        from vit_lab.runs.experiments import Experiment
        from vit_lab.runs.states import Status
        from vit_lab.ui.serving import lab
        from vit_lab.ui.train import live

        store = lab.open_store()
        read = Experiment.read(store, "done")
        for status in (Status.RUNNING, Status.FAILED):  # the second draws, the first does not
            runs = [replace(run, step=0, status=status) for run in read.stored]
            live._weights(store, {0: "A", 1: "B"}, Experiment.of(runs))

    at = AppTest.from_function(weights_only)
    at.session_state["framed"] = True
    assert not at.run().exception and len(at.get("vega_lite_chart")) == len(charts.WEIGHTS)


def test_impulse_brings_learned_positions_to_all_arms_unless_others_are_set(open_page, workers):
    at = open_page(a_scheme="impulse", dim="8", heads="2", depth="1")
    assert not at.exception and "It asks for learned positions, and all arms have them." in [
        c.value for c in at.caption
    ]
    at.button(key="train").click().run()
    [submitted] = workers.submitted
    assert [(run.config.init.scheme, run.config.model.position) for run in submitted] == [
        ("impulse", "learned"),
        ("xavier", "learned"),
    ]
    other = open_page(a_scheme="impulse", position="none")
    assert any("none does not go with the scheme impulse; choose learned" in error.value for error in other.error)
