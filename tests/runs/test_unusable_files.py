"""A file that cannot be used is said to be what it is, with a remedy, and is left as it was."""

import shutil
import sqlite3
import subprocess
import sys

import pytest
from commands import with_this_path
from tiny import tiny

from vit_lab import paths
from vit_lab.runs.errors import StoreError
from vit_lab.runs.migrations import MIGRATIONS
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError


def refusal():
    with pytest.raises(StoreError) as refused:
        Store(paths.database())
    assert "\n" not in str(refused.value) and "VIT_LAB_HOME" in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"\x89PNG\r\n", b"{}" * 4096])
def test_garbage_is_said_to_be_no_database_of_the_lab_and_is_left_alone(home, content):
    paths.database().write_bytes(content)
    said = refusal()
    assert "not a database of the lab: move the file away" in said and "space" not in said
    assert paths.database().read_bytes() == content
    paths.database().rename(home / "away")
    Store(paths.database()).close()


def test_a_database_of_another_program_is_refused_and_nothing_is_added_to_it():
    for version in (0, 1, len(MIGRATIONS)):
        paths.database().unlink(missing_ok=True)
        with sqlite3.connect(paths.database()) as db:
            db.execute("CREATE TABLE cookies (name)")
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
        assert "not a database of the lab" in refusal()
        with sqlite3.connect(paths.database()) as db:
            assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("cookies",)]
        db.close()


def test_a_database_of_a_newer_lab_is_refused_and_not_changed():
    Store(paths.database()).close()
    with sqlite3.connect(paths.database()) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    assert "a newer version of the lab wrote it" in refusal()


def test_a_locked_database_says_that_somebody_holds_it(monkeypatch):
    store = Store(paths.database())
    store._database._writer.execute("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(paths.database(), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program holds it: close that program and try again"):
        store.add([NewRun(tiny(), "n", "e")])
    holder.execute("ROLLBACK")
    holder.close()
    store.add([NewRun(tiny(), "n", "e")])
    assert len(store.runs()) == 1
    store.close()


def test_a_damaged_page_says_that_the_file_is_damaged():
    store = Store(paths.database())
    store.add([NewRun(tiny(), "n", "e", arm) for arm in range(60)])
    store.close()
    content = paths.database().read_bytes()
    paths.database().write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    assert "the file is damaged" in refusal()


def test_a_home_on_a_read_only_disk_is_refused_in_a_sentence(tmp_path):
    """Root may write everywhere, except where a disk is mounted to be read."""
    script = """
import pathlib, sys
from vit_lab.runs.errors import StoreError
from vit_lab.runs.store import Store
try: Store(pathlib.Path(sys.argv[1]))
except StoreError as error: print(error)
"""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = f'mount -t tmpfs -o ro,size=1m tmpfs {mounted} && exec "$0" -c "$1" {mounted}/lab/runs.sqlite3'
    done = _with_a_disk(command, script)
    assert "Read-only file system" in done.stdout and "check that the folder is writable" in done.stdout, done.stderr


def test_a_run_on_a_disk_that_fills_up_fails_in_a_sentence_and_leaves_a_sound_database(tmp_path):
    script = """
import os, pathlib, sqlite3, sys, time
from tiny import tiny
from vit_lab import paths
from vit_lab.runs.executors import follow
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store
follow.BATCH_SECONDS = follow.CHECKPOINT_SECONDS = 0.0
store = Store(paths.database())
manager = RunManager(store, 1, ThreadExecutor())
[run_id] = manager.submit([NewRun(tiny(steps=20_000), "n", "e")])
while store.run(run_id).step < 5: time.sleep(0.01)
filler = paths.home() / "filler"
with filler.open("wb", buffering=0) as file:
    try:
        while True: file.write(bytes(4096))
    except OSError: pass
end = time.monotonic() + 30
while not manager.problem and store.run(run_id).status in ACTIVE and time.monotonic() < end: time.sleep(0.01)
print("PROBLEM", manager.problem or store.run(run_id).error)
filler.unlink()
while store.run(run_id).status in ACTIVE: time.sleep(0.01)
failed = store.run(run_id)
print("FAILED", failed.status, failed.error)
steps = len(store.events(run_id, "step"))
manager.resume(run_id)
while store.run(run_id).step <= failed.step: time.sleep(0.01)
manager.shutdown()
print("RESUMED", store.run(run_id).status, len(store.events(run_id, "step")) >= steps)
print("CHECK", sqlite3.connect(paths.database()).execute("PRAGMA integrity_check").fetchone()[0])
print("HALF", [f.name for f in paths.checkpoint("x").parent.glob("*.tmp")])
"""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = f'mount -t tmpfs -o size=3m tmpfs {mounted} && VIT_LAB_HOME={mounted} exec "$0" -c "$1"'
    said = dict(line.split(" ", 1) for line in _with_a_disk(command, script).stdout.splitlines())
    assert "space" in said["PROBLEM"] and "space" in said["FAILED"]
    assert said["FAILED"].startswith("failed ")
    assert (said["RESUMED"], said["CHECK"], said["HALF"]) == ("interrupted True", "ok", "[]")


def _with_a_disk(command, script):
    """Run a shell command, with Python as $0 and a script for it as $1, in a mount namespace of its own."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("Only root, on Linux, can make a small disk.")
    apart = ["unshare", "-m", "sh", "-c", command, sys.executable, with_this_path(script)]
    done = subprocess.run(apart, capture_output=True, text=True, timeout=120)
    if "permission denied" in done.stderr.lower():
        pytest.skip("Nothing can be mounted here.")
    assert done.returncode == 0, done.stderr
    return done


def test_a_clock_that_jumps_back_changes_neither_order_nor_turn(monkeypatch):
    from datetime import UTC, datetime

    from vit_lab.runs import store as store_module

    class Clock:
        times = iter(
            [datetime(2030, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)]
        )

        @classmethod
        def now(cls, _):
            return next(cls.times)

    monkeypatch.setattr(store_module, "datetime", Clock)
    store = Store(paths.database())
    ids = [store.add([NewRun(tiny(), name, name)])[0] for name in ("a", "b", "c")]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [record.id for record in store.experiments()] == ["c", "b", "a"]
    assert store.latest_experiment() == "c"
    assert [store.queue.take().id for _ in ids] == ids
    store.close()


def test_a_stored_config_may_be_anything_and_costs_only_its_own_run():
    store = Store(paths.database())
    ids = store.add([NewRun(tiny(), "n", "e", arm) for arm in range(3)])
    store._set(ids[0], config="not json at all \0 {")
    assert [store.queue.take().id for _ in ids] == ids, "the queue goes on"
    with pytest.raises(ConfigError):
        store.run(ids[0]).config  # noqa: B018
    store.close()
