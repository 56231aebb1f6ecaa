"""A run of a process that died becomes `interrupted`; one of a process that lives is left alone."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from vit_lab.runs.presence import Presence
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store

AT_WORK = """
import pathlib, sys
from vit_lab.config import RunConfig
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store
store = Store(pathlib.Path(sys.argv[1]))
running, queued = store.add([NewRun(RunConfig(), name, "e") for name in ("running", "queued")])
assert store.queue.take().id == running
print(running, queued, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path):
    """A process of the lab with one run running and one queued; yields it and the runs' ids."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", AT_WORK, str(path)], **pipes)
    try:
        yield process, process.stdout.readline().split()
    finally:
        process.kill()
        process.communicate()


def statuses(path, ids):
    store = Store(path)
    found = [store.run(run_id).status for run_id in ids]
    store.close()
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_runs_of_a_killed_process_become_interrupted_and_those_of_a_living_one_do_not(tmp_path, how):
    path = tmp_path / "runs.sqlite3"
    with another_process(path) as (process, ids):
        assert len(ids) == 2
        assert statuses(path, ids) == [Status.RUNNING, Status.QUEUED]
        process.send_signal(how)
        process.wait(timeout=30)
        assert statuses(path, ids) == [Status.INTERRUPTED, Status.INTERRUPTED]


def test_an_interrupted_run_can_be_queued_by_another_process(tmp_path):
    path = tmp_path / "runs.sqlite3"
    with another_process(path) as (process, ids):
        process.kill()
        process.wait(timeout=30)
        store = Store(path)
        store.requeue(ids[1])
        assert store.queue.take().id == ids[1]
        assert statuses(path, ids) == [Status.INTERRUPTED, Status.RUNNING]
        store.close()


def test_a_living_process_is_alive_to_itself_and_to_others(tmp_path):
    one, other = Presence(tmp_path), Presence(tmp_path)
    assert one.name != other.name
    for _ in range(2):
        assert one.is_alive(one.name) and one.is_alive(other.name) and other.is_alive(one.name)
    other.close()
    assert not one.is_alive(other.name)
    assert one.is_alive(one.name)
    one.close()


def test_nobody_of_an_unknown_name_is_alive(tmp_path):
    presence = Presence(tmp_path)
    assert not presence.is_alive("nobody")
    presence.close()


def test_the_lock_file_of_a_dead_process_is_cleared_away(tmp_path):
    presence = Presence(tmp_path)
    (tmp_path / "dead.lock").touch()
    assert not presence.is_alive("dead")
    assert [file.name for file in tmp_path.iterdir()] == [f"{presence.name}.lock"]
    presence.close()
    assert list(tmp_path.iterdir()) == []
