"""Threads and processes show the same, whatever is asked of a run and whatever happens to who trains it."""

import os
import signal
import sys

import pytest
from commands import SMALL
from commands import run as command
from tiny import pair, tiny
from undisturbed import assert_as_if_undisturbed
from waiting import ended, wait_for

from vit_lab import paths
from vit_lab.runs.executors.choice import EXECUTORS, VARIABLE, chosen_executor, chosen_name
from vit_lab.runs.executors.processes import ProcessExecutor, WorkerProcess
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.checkpoint import load_checkpoint

ENDLESS = {"steps": 100_000}
LONG = tiny(steps=400, dropout=0.1, shift=1)
# Windows has no signal that kills; threads are tested everywhere.
KINDS = [
    "threads",
    pytest.param("processes", marks=pytest.mark.skipif(sys.platform == "win32", reason="It kills by signal.")),
]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def manager(store, kind):
    manager = RunManager(store, 1, EXECUTORS[kind]())
    yield manager
    manager.shutdown()


def at_step(manager, run_id, step=0):
    """The run, once it is under way and beyond a step."""
    return wait_for(lambda: (run := manager.store.run(run_id)).step > step and run)


def wait_until(manager, run_id, status):
    wait_for(lambda: manager.store.run(run_id).status == status)


class Killed(BaseException):
    """Ends a thread as nothing else does."""


def kill_worker(manager, monkeypatch):
    """End the only worker as the system would: at once, with nothing written down."""
    (worker,) = manager._pool._workers
    if isinstance(worker, WorkerProcess):
        os.kill(worker._process.pid, signal.SIGKILL)
        return
    append, left = Store.append, [1]

    def dies(*arguments):
        if left:
            left.pop()
            raise Killed
        return append(*arguments)

    monkeypatch.setattr(Store, "append", dies)


def test_a_run_that_is_paused_and_resumed_equals_one_never_disturbed(manager):
    (run_id,) = manager.submit(pair([LONG], "e"))
    at_step(manager, run_id)
    manager.pause(run_id)
    wait_until(manager, run_id, Status.PAUSED)
    paused = manager.store.run(run_id)
    assert paused.test_accuracy is None and load_checkpoint(paths.checkpoint(run_id)).step == paused.step
    manager.resume(run_id)
    ended(manager.store, run_id)
    assert_as_if_undisturbed(manager.store, run_id, LONG)


def test_visitors_take_turns(manager):
    for owner, count in (("ann", 3), ("bob", 2)):
        runs = [NewRun(tiny(seed=seed), owner, f"{owner}{seed}") for seed in range(count)]
        manager.store.add(runs, owner=owner)
    manager.prepare(1)
    wait_for(lambda: all(run.status == Status.FINISHED for run in manager.store.runs()))
    order = sorted(manager.store.runs(), key=lambda run: run.turn)
    assert [run.name for run in order] == ["ann", "bob", "ann", "bob", "ann"]


def test_a_worker_that_is_killed_fails_its_run_in_a_sentence_and_another_trains_the_next(manager, monkeypatch):
    long, short = manager.submit(pair([tiny(**ENDLESS), tiny(seed=1)], "e"))
    at_step(manager, long)
    kill_worker(manager, monkeypatch)
    failed = ended(manager.store, long)
    assert failed.status == Status.FAILED and failed.error.startswith("the worker that trained it was ended (")
    assert ended(manager.store, short).status == Status.FINISHED
    wait_for(lambda: manager.problem == "")
    manager.resume(long)
    at_step(manager, long, failed.step)
    manager.stop(long)
    wait_until(manager, long, Status.STOPPED)
    assert load_checkpoint(paths.checkpoint(long)).step == manager.store.run(long).step > failed.step


def test_a_shutdown_keeps_the_run_and_another_manager_goes_on(manager, store, kind):
    running, queued = manager.submit(pair([tiny(**ENDLESS), tiny(**ENDLESS, seed=1)], "e"))
    at_step(manager, running)
    manager.shutdown(timeout=20)
    kept = store.run(running)
    assert [run.status for run in store.runs([running, queued])] == [Status.INTERRUPTED] * 2
    assert load_checkpoint(paths.checkpoint(running)).step == kept.step > 0
    following = RunManager(store, 1, EXECUTORS[kind]())
    following.resume(running)
    at_step(following, running, kept.step)
    following.shutdown(timeout=20)
    assert store.run(running).status == Status.INTERRUPTED


# Which one it is


def test_processes_train_unless_something_else_is_asked_for(monkeypatch):
    monkeypatch.delenv(VARIABLE)
    assert isinstance(chosen_executor(), ProcessExecutor)
    monkeypatch.setenv(VARIABLE, "threads")
    assert isinstance(chosen_executor(), ThreadExecutor)
    assert all(EXECUTORS[name]().most() >= 1 for name in ("threads", "processes"))


def test_an_unknown_one_is_refused_in_a_sentence(monkeypatch):
    sentence = "there is no 'ether'; choose threads, processes or ray, with --executor or VIT_LAB_EXECUTOR"
    monkeypatch.setenv(VARIABLE, "ether")
    for chosen in (chosen_name, chosen_executor):
        with pytest.raises(ConfigError) as refused:
            chosen()
        assert (refused.value.field, refused.value.message) == ("executor", sentence)
    done = command("train", *SMALL)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"executor: {sentence}\n")


@pytest.mark.parametrize("words", [["train"], ["compare"], ["sweep"], ["claim"]])
def test_every_command_that_trains_takes_it_as_an_option(words):
    done = command(*words, "--executor=ether")
    assert done.exit_code == 2 and done.stderr.startswith("executor: there is no 'ether'")
