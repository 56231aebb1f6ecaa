"""A replay is beside the runs: it says how far it is, can be stopped, and is one for all who ask for the same."""

import pytest
import torch
from tiny import tiny
from waiting import ended, wait_for

from vit_lab import paths
from vit_lab.data.errors import DatasetError
from vit_lab.data.splits import load_run_data
from vit_lab.runs import replays as replays_module
from vit_lab.runs import snapshots
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.replays import Replays
from vit_lab.runs.states import Status
from vit_lab.settings import ConfigError
from vit_lab.training import replay as replay_module
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train

CONFIG = tiny(steps=40, dropout=0.1)


@pytest.fixture
def manager(store):
    manager = RunManager(store, 1)
    yield manager
    manager.shutdown()


@pytest.fixture
def run(manager):
    """A run of a sweep, which keeps no snapshots."""
    [run_id] = manager.submit([NewRun(CONFIG, "a run", "e")], "sweep")
    return ended(manager.store, run_id)


@pytest.fixture
def replays(store):
    replays = Replays(store)
    yield replays
    replays.end()


@pytest.fixture(params=["threads", "processes"])
def kind(request, monkeypatch):
    """Where runs and replays are trained."""
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


def of_step(step):
    training = train(CONFIG, load_run_data(CONFIG))
    while training.step < step:
        next(training)
    return training.weights().tensors


def test_a_replay_ends_with_the_weights_of_the_step_and_keeps_them(replays, run, kind):
    replay = replays.ask(run, 23)
    assert replay.wait(60) and replay.problem == "" and replay.is_over
    assert (replay.done, replay.progress) == (23, 1.0)
    assert replay.weights == snapshots.kept_weights(run, 23)
    mine, expected = load_checkpoint(replay.weights.file).tensors, of_step(23)
    assert mine.keys() == expected.keys() and all(torch.equal(mine[name], expected[name]) for name in mine)


def test_whoever_asks_for_the_same_waits_for_the_same(replays, run):
    first = replays.ask(run, 23)
    assert replays.ask(run, 23) is first is replays.asked(run, 23)
    assert replays.asked(run, 24) is None
    assert first.wait(60) and replays.ask(run, 23) is first


def test_a_replay_that_is_stopped_says_so_and_can_be_asked_for_anew(replays, run, monkeypatch, kind):
    with monkeypatch.context() as patched:
        patched.setattr(replays_module, "TARGET", "children:count")
        replay = replays.ask(run, 23)
        wait_for(lambda: replay.done > 3)
        waiting = replays.ask(run, 30)
        assert not replay.is_over and 0 < replay.progress < 1 and replays.asked(run, 23) is replay
        waiting.stop()
        assert waiting.wait(10) and waiting.problem == "it was stopped" and waiting.done == 0
        replay.stop()
        assert replay.wait(10) and replay.problem == "it was stopped" and replay.weights is None
    again = replays.ask(run, 23)
    assert again is not replay and again.wait(60) and again.weights is not None


def test_what_cannot_be_replayed_is_said_in_a_sentence(replays, run, monkeypatch):
    def fails(_):
        raise DatasetError("dataset: it is not here")

    monkeypatch.setattr(replay_module, "load_run_data", fails)
    replay = replays.ask(run, 23)
    assert replay.wait(60) and replay.problem == "dataset: it is not here" and replay.weights is None


def test_a_step_that_the_run_has_not_made_is_refused(replays, run):
    with pytest.raises(ConfigError, match="step: 41 is beyond what a run has made, 40 steps; choose 0 to 40"):
        replays.ask(run, 41)


def test_a_replay_of_a_run_that_is_deleted_meanwhile_leaves_nothing_behind(replays, run, manager):
    manager.delete([run.id])
    replay = replays.ask(run, 23)
    assert replay.wait(60) and replay.weights is not None and replay.weights.file.is_file()
    assert not paths.snapshots_of(run.id).exists()


def test_only_so_many_are_remembered(replays, run, monkeypatch):
    monkeypatch.setattr(replays_module, "MOST_REMEMBERED", 2)
    for step in (1, 2, 3, 4):
        assert replays.ask(run, step).wait(60)
    assert len(replays._asked) <= 2 and replays.asked(run, 4) is not None
    assert run.status == Status.FINISHED
