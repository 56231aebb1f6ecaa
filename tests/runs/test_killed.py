"""kill -9 in the middle of runs, again and again: nothing committed is lost, nothing stays `running` or changes."""

import functools
import itertools
import json
import multiprocessing
import signal
import sqlite3
import time

import pytest
from tiny import pair, tiny
from waiting import wait_for

from vit_lab import paths
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import ACTIVE, RESUMABLE, Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train

CONFIGS = [tiny(scheme=scheme, steps=100, dropout=0.1, shift=1, seed=5) for scheme in ("linear-default", "xavier")]
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["vit_lab.runs.executors.threads", "vit_lab.data.splits"])


def serve(home, checkpoint_seconds, point=""):
    """A server and its workers in one process: marks what a dead one left, resumes it, and trains until killed.

    At a point, as "before fsync", it kills itself.
    """
    import os

    from vit_lab.runs.executors import follow

    os.environ["VIT_LAB_HOME"] = str(home)
    if point:
        die_at(*point.split())
    follow.CHECKPOINT_SECONDS, follow.BATCH_SECONDS = checkpoint_seconds, 0.02
    manager = RunManager(Store(paths.database()), 2, ThreadExecutor())
    for run in reversed(manager.store.runs()):
        if run.status in RESUMABLE:
            manager.resume(run.id)
    while True:
        time.sleep(0.05)


def die_at(when, what):
    """Kill this process before or after the third time that something happens."""
    import os
    from pathlib import Path

    calls = itertools.count(1)

    def deadly(function):
        def called(*arguments):
            is_third = next(calls) == 3  # of all threads
            if is_third and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            done = function(*arguments)
            if is_third and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return called

    class Connection(sqlite3.Connection):
        def execute(self, query, *values):
            run = super().execute
            return (deadly(run) if query == "COMMIT" else run)(query, *values)

    if what == "fsync":
        os.fsync = deadly(os.fsync)
    elif what == "rename":
        Path.replace = deadly(Path.replace)
    else:
        sqlite3.connect = functools.partial(sqlite3.connect, factory=Connection)


def committed(run_ids):
    """Everything that the database holds of the runs, read by another program; the times left out."""
    with sqlite3.connect(paths.database(), timeout=10) as db:
        rows = db.execute("SELECT run, kind, step, body FROM events").fetchall()
    db.close()
    return {(run, kind, step): body for run, kind, step, body in rows if run in run_ids}


def said_by(config):
    """What a run says that nobody kills."""
    told = [event for event in train(config, load_run_data(config)) if not isinstance(event, Stepped)]
    return {(event.kind, event.step): json.loads(event.to_json()) for event in told}


def killed_again_and_again(home, rounds, chance):
    store = Store(paths.database())
    ids = store.add(pair(CONFIGS, "e"))
    store.close()  # its process counts as dead
    kept = {}
    for kills in range(1, rounds + 1):
        server = SPAWN.Process(target=serve, args=(home, 0.1), daemon=True)
        server.start()
        deadline = time.monotonic() + 60
        while committed(ids) == kept:  # it has not yet gone on
            assert server.is_alive() and time.monotonic() < deadline, "the server does not train"
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.4))
        before = committed(ids)
        server.kill()
        server.join(30)
        after = committed(ids)
        assert before.items() <= after.items(), "a committed metric is gone or has changed"
        with sqlite3.connect(paths.database()) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        store = Store(paths.database())
        statuses = {run.status for run in store.runs()}
        store.close()
        assert not statuses & set(ACTIVE), "a run of a dead server is at work"
        kept = after
        if statuses == {Status.FINISHED}:
            store = Store(paths.database())
            ids += store.add(pair(CONFIGS, f"e{kills}"))
            store.close()
    return ids


def check_ends_equal(ids):
    manager = RunManager(Store(paths.database()), 2)
    try:
        for run in manager.store.runs(ids):
            if run.status in RESUMABLE:
                manager.resume(run.id)
        wait_for(lambda: not any(run.status in ACTIVE for run in manager.store.runs(ids)), seconds=120)
        (*whole,) = [said_by(config) for config in CONFIGS]
        for run in manager.store.runs(ids):
            assert (run.status, run.error) == (Status.FINISHED, None)
            mine = {(kind, step): json.loads(body) for (_, kind, step), body in committed([run.id]).items()}
            assert mine == whole[run.arm], "it differs from a run that nobody killed"
        for arm in range(len(CONFIGS)):
            checkpoints = [load_checkpoint(paths.checkpoint(run_id)).tensors for run_id in ids[arm::2]]
            assert all(
                {name: tensor.numpy().tobytes() for name, tensor in one.items()}
                == {name: tensor.numpy().tobytes() for name, tensor in checkpoints[0].items()}
                for one in checkpoints
            )
        assert not list(paths.checkpoint("x").parent.glob("*.tmp")), "half a checkpoint lies about"
    finally:
        manager.shutdown()
        manager.store.close()


POINTS = [f"{when} {what}" for what in ("fsync", "rename", "commit") for when in ("before", "after")]
SOME = ["before fsync", "after rename", "before commit"]


@pytest.mark.parametrize("points", [SOME, pytest.param(POINTS, marks=pytest.mark.long)], ids=["some", "all"])
def test_a_server_that_dies_at_any_point_of_writing_leaves_all_whole(home, points):
    store = Store(paths.database())
    ids = [run_id for experiment in "ab" for run_id in store.add(pair(CONFIGS, experiment))]
    store.close()
    for point in points:
        server = SPAWN.Process(target=serve, args=(home, 0.01, point), daemon=True)
        server.start()
        before = committed(ids)
        server.join(60)
        assert server.exitcode == -signal.SIGKILL, f"it did not die {point}"
        assert before.items() <= committed(ids).items()
        with sqlite3.connect(paths.database()) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        store = Store(paths.database())
        for run in store.runs():
            assert run.status not in ACTIVE
            if paths.checkpoint(run.id).exists():
                assert load_checkpoint(paths.checkpoint(run.id)).step <= run.step
        store.close()
    check_ends_equal(ids)


def chance():
    import numpy as np

    return np.random.default_rng(7)


def test_a_server_killed_three_times_loses_nothing_and_ends_equal_to_the_bit(home):
    check_ends_equal(killed_again_and_again(home, 3, chance()))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_server_killed_a_hundred_times_loses_nothing_and_ends_equal_to_the_bit(home):
    check_ends_equal(killed_again_and_again(home, 100, chance()))
