"""What becomes of runs and of a database while another program holds it, or somebody removes it."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from tiny import pair, tiny
from waiting import ended, wait_for

from vit_lab import paths
from vit_lab.runs import database
from vit_lab.runs.errors import StoreBusyError, StoreError
from vit_lab.runs.executors import follow, sink
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store


@pytest.fixture
def quick(monkeypatch):
    """Nobody waits long for the database, and runs write often."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(follow, "BATCH_SECONDS", 0.05)
    monkeypatch.setattr(follow, "CHECKPOINT_SECONDS", 0.1)
    monkeypatch.setattr(sink, "BUSY_PAUSE", 0.05)


@pytest.fixture
def manager(quick, home):
    store = Store(paths.database())
    manager = RunManager(store, 1)
    yield manager
    manager.shutdown()
    store.close()


def told(store, run_id):
    kinds = ("started", "step", "evaluated", "probed", "finished")
    return [{k: v for k, v in e.items() if k != "seconds"} for kind in kinds for e in store.events(run_id, kind)]


@pytest.mark.parametrize("steps", [60, 200], ids=["also at its end", "on its way"])
def test_a_run_goes_on_while_another_program_holds_the_database_and_loses_nothing(manager, steps):
    quiet, held = manager.submit(pair([tiny(steps=steps, dropout=0.1)] * 2, "e"))
    assert ended(manager.store, quiet).status == Status.FINISHED
    wait_for(lambda: manager.store.run(held).step > 0)
    other = sqlite3.connect(paths.database(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="another program holds it: close that program and try again"):
        manager.stop(held)
    time.sleep(1)
    other.execute("ROLLBACK")
    other.close()
    run = ended(manager.store, held)
    assert (run.status, run.error, run.step) == (Status.FINISHED, None, steps)
    assert told(manager.store, held) == told(manager.store, quiet)


def test_a_worker_that_is_to_end_while_nothing_can_be_written_leaves_its_run_to_go_on(manager, monkeypatch):
    (run_id,) = manager.submit(pair([tiny(steps=200)], "e"))
    wait_for(lambda: manager.store.run(run_id).step > 0)
    monkeypatch.setattr(sink.Sink, "_write_kept", lambda _: False)  # the database is busy until the worker is to end
    time.sleep(1.5)  # by then it has trained to its end
    manager.shutdown()
    run = manager.store.run(run_id)
    assert run.status == Status.INTERRUPTED and run.is_resumable and run.test_accuracy is None


def test_a_database_that_is_held_for_ever_fails_the_run_in_a_sentence(manager, monkeypatch):
    monkeypatch.setattr(sink, "LONGEST_BUSY", 0.5)
    (run_id,) = manager.submit(pair([tiny(steps=100_000)], "e"))
    wait_for(lambda: manager.store.run(run_id).step > 0)
    other = sqlite3.connect(paths.database(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    wait_for(lambda: manager.problem)
    other.execute("ROLLBACK")
    other.close()
    run = ended(manager.store, run_id)
    assert run.status == Status.FAILED and "another program holds it" in run.error


def test_a_database_that_is_removed_is_noticed_and_all_it_held_is_saved(home, store):
    (run_id,) = store.add(pair([tiny()], "e"))
    assert not store.is_lost
    shutil.move(paths.database(), home / "elsewhere")
    assert store.is_lost
    store.rename(run_id, "written afterwards")
    saved = store.rescue()
    assert saved.parent == home
    rescued = Store(saved)
    assert [run.name for run in rescued.runs()] == ["written afterwards"]
    rescued.close()


def test_no_database_is_made_over_the_log_of_one_that_was_removed(home, store):
    store.add(pair([tiny()], "e"))
    shutil.move(paths.database(), home / "elsewhere")
    with pytest.raises(StoreError, match=r"its log runs.sqlite3-wal is still there.*; put it back, or end every"):
        Store(paths.database())
    shutil.move(home / "elsewhere", paths.database())
    assert len(store.runs()) == 1
    with closing(Store(paths.database())) as again:
        assert len(again.runs()) == 1


def test_a_database_that_is_replaced_is_noticed(home, store):
    shutil.copy(paths.database(), home / "copy")
    (home / "copy").replace(paths.database())
    assert store.is_lost


def test_pilots_stay_while_runs_wait_for_the_rate_that_they_pick(manager):
    from vit_lab.runs.plans import Plan

    *pilots, waiting = manager.store.add(Plan([tiny()], [0], fair_rate=True).runs("e"))
    for pilot in pilots:
        manager.store.request(pilot, Status.STOPPED)
    with pytest.raises(
        StoreError, match="runs wait for the learning rate that these pilots pick; stop those runs first"
    ):
        manager.delete(pilots[:1])
    manager.stop(waiting)
    manager.delete(pilots)
    assert [run.id for run in manager.store.runs()] == [waiting]


def test_a_deletion_that_was_cut_short_is_finished_or_taken_back_and_no_other_checkpoint_goes(store):
    (kept,) = store.add(pair([tiny()], "e"))
    paths.checkpoints().mkdir()
    for file in (paths.doomed(kept), paths.doomed("gone"), paths.checkpoint("of another database")):
        file.write_bytes(b"x")
    manager = RunManager(store, 1)
    assert {file.name for file in paths.checkpoints().iterdir()} == {
        paths.checkpoint(kept).name,
        paths.checkpoint("of another database").name,
    }
    manager.stop(kept)
    manager.delete([kept])
    assert [file.stem for file in paths.checkpoints().iterdir()] == ["of another database"]
    manager.shutdown()


def test_a_newer_database_asks_for_a_newer_lab(home):
    db = sqlite3.connect(paths.database())
    db.execute("PRAGMA user_version = 99")
    db.execute("CREATE TABLE runs (id)")
    db.commit()
    db.close()
    with pytest.raises(
        StoreError, match=r"a newer version of the lab wrote it.*; update the lab to the version that wrote it"
    ):
        Store(paths.database())
