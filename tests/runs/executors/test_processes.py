"""Workers as a server has them: each in a process of its own, which may die, hang, or never start."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import SMALL, with_this_path
from commands import run as command
from tiny import pair, tiny
from waiting import ended, wait_for

from vit_lab import paths
from vit_lab.data.splits import load_run_data
from vit_lab.events import Evaluated, Stepped
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors import follow, pool, processes
from vit_lab.runs.executors.threads import WorkerThread
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train

pytestmark = [
    pytest.mark.usefixtures("worker_processes"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="It asks Linux which processes there are."),
]
ENDLESS = {"steps": 100_000, "patch_size": 14}
SERVER = """
import atexit, signal, sys, time
from tiny import pair, tiny
from vit_lab import paths
from vit_lab.runs.manager import RunManager
from vit_lab.runs.store import Store
manager = RunManager(Store(paths.database()), 1)
atexit.register(manager.shutdown, 30)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
manager.submit(pair([tiny(steps=100_000)], "e"))
time.sleep(600)
"""


@contextmanager
def server_at_work(store):
    """A server in a process of its own that trains one run: (server, process id of its worker, the run's record)."""
    server = subprocess.Popen([sys.executable, "-c", with_this_path(SERVER)])
    try:
        run = wait_for(lambda: (runs := store.runs()) and runs[0].step > 20 and runs[0])
        tasks = Path(f"/proc/{server.pid}/task").iterdir()
        (worker,) = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
        yield server, worker, run
    finally:
        server.kill()
        server.wait()


@pytest.fixture(name="manager", params=[2])
def manager_with_workers(store, request):
    manager = RunManager(store, workers=request.param)
    yield manager
    manager.shutdown()


one_worker = pytest.mark.parametrize("manager", [1], indirect=True)


def strike(manager, how):
    """Send the worker of a long run a signal, while a short run waits behind it."""
    long, short = manager.submit(pair([tiny(**ENDLESS), tiny(seed=1)], "e"))
    wait_for(lambda: manager.store.run(long).step > 20)
    os.kill(pids(manager)[manager.store.run(long).worker], how)
    return long, short


def is_running(pid):
    """A process that nobody has waited for yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids(manager):
    return {worker.name: worker._process.pid for worker in manager._pool._workers}


def said(store, run_id, kind):
    return [{key: value for key, value in e.items() if key != "seconds"} for e in store.events(run_id, kind)]


def assert_equals_one_never_disturbed(store, run):
    told = [event for event in train(run.config, load_run_data(run.config)) if not isinstance(event, Stepped)]
    for kind in ("started", "step", "evaluated", "probed", "finished"):
        assert said(store, run.id, kind) == [json.loads(event.to_json()) for event in told if event.kind == kind]


def test_a_pair_is_trained_by_two_processes_as_it_would_be_in_this_one(manager, store):
    ids = manager.submit(pair([tiny(scheme=scheme, dropout=0.1) for scheme in ("linear-default", "xavier")], "e"))
    for run_id in ids:
        run = ended(store, run_id)
        assert (run.status, run.error) == (Status.FINISHED, None)
        assert_equals_one_never_disturbed(store, run)
    assert len(pids(manager)) == 2 and os.getpid() not in pids(manager).values()


def test_there_are_no_more_workers_than_runs(manager):
    manager.submit(pair([tiny(**ENDLESS)], "e"))
    wait_for(lambda: manager.store.runs()[0].step > 0)
    assert len(pids(manager)) == 1
    manager.prepare(5)
    wait_for(lambda: len(manager._pool._workers) == 2)
    time.sleep(3 * pool.SUPERVISE_SECONDS)
    assert len(manager._pool._workers) == 2, "no more than cores"


@one_worker
def test_a_worker_that_is_asked_to_end_keeps_its_run_and_another_comes(manager, store):
    long, short = strike(manager, signal.SIGTERM)
    assert ended(store, long).status == Status.INTERRUPTED
    assert load_checkpoint(paths.checkpoint(long)).step >= store.run(long).step
    assert ended(store, short).status == Status.FINISHED


# That a server which is asked to end takes its workers along: tests/e2e/test_robust.py and tests/test_cli_signals.py.
@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_workers_whose_server_is_gone_keep_their_run_and_end(home, store, how):
    with server_at_work(store) as (server, worker, run):
        server.send_signal(how)
        server.wait(40)
        wait_for(lambda: not is_running(worker), seconds=40)
    kept = store.run(run.id)
    assert kept.status == Status.INTERRUPTED and kept.step >= run.step
    assert load_checkpoint(paths.checkpoint(run.id)).step >= kept.step
    store.interrupt_runs_of_dead_processes()
    Store(paths.database()).close()
    assert len(list((home / "processes").iterdir())) == 1, "no lock of a dead process is left"


@one_worker
def test_a_worker_that_outlives_its_server_takes_nothing_from_whoever_has_resumed_its_run(manager, store, monkeypatch):
    monkeypatch.setattr(follow, "CHECKPOINT_SECONDS", 0.1)
    monkeypatch.setattr(follow, "BATCH_SECONDS", 0.1)
    manager.prepare(1)
    wait_for(lambda: all(worker.name for worker in manager._pool._workers) and manager._pool._workers)
    gone = Store(paths.database())  # of a server that has been killed; its worker does not know it yet
    (run_id,) = gone.add(pair([tiny(steps=200, dropout=0.1)], "e"))
    old_worker = WorkerThread(gone.presence.name)
    wait_for(lambda: paths.checkpoint(run_id).exists() and store.run(run_id).step > 0)
    store.interrupt_runs_of(gone.presence.name)
    at_work = store.run(run_id).step
    manager.resume(run_id)
    old_worker._thread.join(0.01)
    assert 0 < at_work < 200 and old_worker.how_it_ended is None, "both train"
    run = ended(store, run_id)
    old_worker.end()
    old_worker.wait(30)
    gone.close()
    assert (run.status, run.error) == (Status.FINISHED, None)
    assert_equals_one_never_disturbed(store, run)
    assert load_checkpoint(paths.checkpoint(run_id)).step == 200


def test_a_worker_that_hangs_does_not_keep_a_shutdown_waiting(manager, store):
    (run_id,) = manager.submit(pair([tiny(**ENDLESS)], "e"))
    wait_for(lambda: store.run(run_id).step > 20)
    (pid,) = pids(manager).values()
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    manager.shutdown(timeout=0.5)
    assert time.monotonic() - started < 5
    assert not is_running(pid) and store.run(run_id).status == Status.INTERRUPTED


@one_worker
def test_a_worker_that_does_not_start_is_told_and_the_run_waits(manager, store, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(processes.WorkerProcess, "main", "vit_lab.nowhere:main")
        (run_id,) = manager.submit(pair([tiny()], "e"))
        wait_for(lambda: manager.problem == "a worker did not start (exit code 1); the terminal of the lab says more")
    assert store.run(run_id).status == Status.QUEUED
    (other_id,) = manager.submit(pair([tiny(seed=1)], "f"))
    assert [ended(store, one).status for one in (run_id, other_id)] == [Status.FINISHED] * 2
    wait_for(lambda: manager.problem == "")  # told at the next look after the workers, and runs may be faster


def test_the_run_of_a_dead_worker_is_ended_once_the_store_can_be_written_again(manager, store, monkeypatch):
    end, has_space = Store.end, threading.Event()

    def refuses(*arguments):
        if not has_space.is_set():
            raise StoreError("the database cannot be used (disk is full)")
        return end(*arguments)

    monkeypatch.setattr(Store, "end", refuses)
    long, _ = strike(manager, signal.SIGKILL)
    wait_for(lambda: "disk is full" in manager.problem)
    assert store.run(long).status == Status.RUNNING
    has_space.set()
    assert ended(store, long).status == Status.FAILED


def test_runs_that_wait_for_pilots_are_released_if_the_worker_died_before_it_did(manager, store):
    plan = Plan([tiny(scheme="xavier")], [0], fair_rate=True)
    ids = store.add(plan.runs("e"))
    *pilots, waiting = (run_id for run_id in ids)
    for run_id in pilots:
        store.queue.take()
        store.append(run_id, [(0.0, Evaluated(step=10, split="validation", loss=1.0, accuracy=0.5))], 1.0, None)
        store.end(run_id, Status.FINISHED)
    assert store.run(waiting).status == Status.WAITING
    manager.prepare(1)
    wait_for(lambda: any(worker.name for worker in manager._pool._workers))
    os.kill(next(iter(pids(manager).values())), signal.SIGKILL)
    assert ended(store, waiting).status == Status.FINISHED


def test_a_command_without_workers_ends_with_1_and_says_why(monkeypatch):
    monkeypatch.setattr(processes.WorkerProcess, "main", "vit_lab.nowhere:main")
    ran = command("train", *SMALL, "--json")
    assert ran.exit_code == 1 and "a worker did not start" in ran.stderr
    assert json.loads(ran.stdout)["status"] == "failed"
    store = Store(paths.database())
    assert [run.status for run in store.runs()] == [Status.INTERRUPTED]
    store.close()


def test_a_worker_that_cannot_read_the_store_says_what_it_was_told(home):
    paths.database().write_bytes(b"garbage" * 1000)
    worker = processes.WorkerProcess("nobody")
    assert wait_for(lambda: worker.how_it_ended).startswith("(exit code 1)")
    assert worker.name == "" and "not a database of the lab" in worker.problem
