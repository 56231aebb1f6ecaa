"""A pool has as many workers as it has runs for, replaces those that die, and waits longer and longer if all do."""

import itertools

import pytest
from tiny import pair, tiny
from waiting import ended, wait_for

from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors import pool as pool_module
from vit_lab.runs.executors.pool import WorkerPool
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import Status


class Dead:
    """A worker that has ended before it had a name."""

    name = problem = ""
    seconds = 0.0
    how_it_ended = "(exit code 1)"

    def call(self):
        pass

    end = call

    def wait(self, seconds):
        pass


class Executor(ThreadExecutor):
    """Threads, unless `refusal` is to be raised or workers come `dead`."""

    def __init__(self):
        super().__init__()
        self.refusal, self.dead, self.started = None, False, 0

    def most(self):
        return 3

    def start(self, server):
        self.started += 1
        if self.refusal:
            raise self.refusal
        return Dead() if self.dead else super().start(server)


@pytest.fixture
def executor():
    return Executor()


@pytest.fixture
def manager(store, executor, monkeypatch):
    monkeypatch.setattr(pool_module, "SUPERVISE_SECONDS", 0.01)
    manager = RunManager(store, executor=executor)
    yield manager
    manager.shutdown()


def test_there_are_as_many_workers_as_runs_and_no_more_than_the_executor_has_places_for(manager, executor):
    assert manager.workers == 3
    for count, wanted in ((1, 1), (1, 2), (3, 3)):
        manager.submit(pair([tiny(steps=100_000)] * count, "e"))
        wait_for(lambda wanted=wanted: manager.store.queue.at_work() and executor.started == wanted)
    wait_for(lambda: [run.status for run in manager.store.runs()].count(Status.RUNNING) == 3)
    assert executor.started == 3


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (RuntimeError("no new thread"), "no worker can be started (no new thread); close other programs"),
        (OSError(11, "No process"), "no worker can be started (No process); close other programs"),
        (StoreError("the database cannot be used"), "the database cannot be used"),
        (KeyError("nobody"), "'nobody'"),
    ],
)
def test_what_keeps_workers_from_starting_is_told_and_tried_again(manager, executor, refusal, told):
    executor.refusal = refusal
    (run_id,) = manager.submit(pair([tiny()], "e"))
    wait_for(lambda: manager.problem.startswith(told))
    assert manager.store.run(run_id).status == Status.QUEUED
    executor.refusal = None
    assert ended(manager.store, run_id).status == Status.FINISHED
    wait_for(lambda: manager.problem == "")


def test_workers_that_die_at_once_are_hopeless_after_three(manager, executor):
    executor.dead = True
    (run_id,) = manager.submit(pair([tiny()], "e"))
    wait_for(lambda: manager.problem == "a worker did not start (exit code 1)")
    assert not manager.is_hopeless and manager.store.run(run_id).status == Status.QUEUED
    wait_for(lambda: manager.is_hopeless)
    assert executor.started == 3


def test_pauses_between_tries_grow_and_end_once_workers_live(store, executor, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(pool_module.time, "monotonic", lambda: now[0])
    pool, executor.dead = WorkerPool(store, executor, 1), True
    pool._ready = 1
    starts = []
    for second in range(200):
        now[0] = float(second)
        before = executor.started
        pool._remove_dead()
        pool._start_missing()
        if executor.started > before:
            starts.append(second)
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[:3] == sorted(pauses[:3]) and pauses[0] < pauses[1] < pauses[2]
    assert pool_module.LONGEST_PAUSE <= max(pauses) <= pool_module.LONGEST_PAUSE + 2


def test_as_visitor_shares_the_workers_and_their_end(manager):
    ann = manager.as_visitor("ann")
    (run_id,) = ann.submit(pair([tiny()], "e"))
    assert ended(manager.store, run_id).owner == "ann" and manager.visitor == ""
    ann.shutdown()
    manager.submit(pair([tiny()], "e"))
    assert manager._pool.is_ending and manager._pool._workers == []


@pytest.mark.parametrize("asked", [None, Status.STOPPED])
def test_what_is_trained_elsewhere_goes_on_after_its_worker_has_died_or_is_as_was_asked(
    manager, executor, monkeypatch, asked
):
    monkeypatch.setattr(executor, "trains_elsewhere", True, raising=False)
    pool = manager._pool
    (run_id,) = manager.store.add(pair([tiny()], "e"))
    manager.store.queue.take()
    if asked:
        manager.store.request(run_id, asked)
    pool._end_runs_of(manager.store.presence.name, "it was ended")
    run = manager.store.run(run_id)
    assert (run.status, run.error) == (asked or Status.QUEUED, None)
