"""The store keeps what it is told, whoever asks and however oddly it is named, and says so when it cannot."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tiny import tiny

from vit_lab.events import Diverged, Evaluated, Finished, Probed, Started, StepMeasured
from vit_lab.places import Place
from vit_lab.runs.errors import StoreError
from vit_lab.runs.migrations import MIGRATIONS, migrate
from vit_lab.runs.records import ExperimentRecord, NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import LONGEST_NAME, Store

EVENTS = [
    Started(step=0, total_steps=10, parameters=1234, train_images=50, validation_images=20, test_images=30),
    Evaluated(step=0, split="validation", loss=2.3, accuracy=0.1),
    StepMeasured(step=1, loss=2.25, accuracy=0.2, learning_rate=1e-3, gradient_norm=0.1),
    StepMeasured(step=2, loss=float("nan"), accuracy=0.2, learning_rate=1e-3, gradient_norm=float("inf")),
    Probed(step=2, rows=(("weight_std", Place(group="qk"), 0.07),)),
    Evaluated(step=2, split="validation", loss=2.0, accuracy=0.3),
    Finished(step=2, test_loss=1.5, test_accuracy=0.25, best_step=2, best_val_accuracy=0.5, best_test_accuracy=0.25),
]
ODD_NAMES = [
    "<script>alert(1)</script>",
    "'); DROP TABLE runs; --",
    '"; DELETE FROM events; --',
    "🧪 größer ∞ ‮rtl",
    "%s {0} $name \\n",
    "NULL",
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite3"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def add(store, count=1, experiment="e", **settings):
    return store.add([NewRun(tiny(**settings), f"run {arm}", experiment, arm) for arm in range(count)])


def step(number, loss=1.0):
    return StepMeasured(step=number, loss=loss, accuracy=0.5, learning_rate=1e-3, gradient_norm=0.1)


def append(store, run_id, *events):
    return store.append(run_id, [(float(event.step), event) for event in events], 1.0, 100.0)


def numbers(store):
    return [run.number for run in store.runs()]


# The file


def test_a_new_file_is_brought_up_to_date(store, path):
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.runs() == [] and store.latest_experiment() is None


def test_opening_again_keeps_everything(path):
    first = Store(path)
    (run_id,) = add(first)
    first.end(run_id, Status.FINISHED)
    append(first, run_id, *EVENTS)
    before, events = first.runs(), first.events(run_id, "step")
    first.close()
    second = Store(path)
    assert second.runs() == before and second.events(run_id, "step") == events
    second.close()


def test_a_database_of_the_first_version_keeps_its_runs_and_gives_them_experiments(path):
    with closing(sqlite3.connect(path)) as db:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        for number, (experiment, created_at) in enumerate(
            [("old", "2024-01-02"), ("old", "2024-01-01"), ("new", "2025")]
        ):
            db.execute(
                "INSERT INTO runs "
                "(id, number, experiment, arm, name, config, status, process, created_at, test_accuracy) "
                "VALUES (?, ?, ?, 1, 'kept', ?, 'finished', 'gone', ?, 0.5)",
                (f"r{number}", number, experiment, tiny(seed=number).model_dump_json(), created_at),
            )
        db.execute("INSERT INTO events VALUES ('r0', 'evaluated', 3, 1.5, '{\"accuracy\": 0.5}')")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    with closing(Store(path)) as store:
        kept = [(run.id, run.config.seed, run.test_accuracy) for run in store.runs()]
        assert kept == [("r2", 2, 0.5), ("r1", 1, 0.5), ("r0", 0, 0.5)]
        assert {(run.condition, run.pilot, run.best_test_accuracy) for run in store.runs()} == {(0, 0, None)}
        assert store.events("r0", "evaluated") == [{"accuracy": 0.5, "seconds": 1.5}]
        assert store.experiments() == [
            ExperimentRecord("new", "compare", 0, "2025"),
            ExperimentRecord("old", "compare", 0, "2024-01-01"),
        ]


def test_each_migration_is_applied_once_and_whole(tmp_path, monkeypatch):
    db = sqlite3.connect(tmp_path / "m.sqlite3", isolation_level=None)
    monkeypatch.setattr("vit_lab.runs.migrations.MIGRATIONS", (("CREATE TABLE a (x)",),))
    migrate(db)
    migrate(db)
    broken = (("CREATE TABLE a (x)",), ("CREATE TABLE b (x)", "NONSENSE"))
    monkeypatch.setattr("vit_lab.runs.migrations.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    monkeypatch.setattr("vit_lab.runs.migrations.MIGRATIONS", (broken[0], ("CREATE TABLE b (x)",)))
    migrate(db)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()


@pytest.mark.parametrize("content", [b"garbage" * 1000, bytes(4096), b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_in_a_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"^the database .*runs\.sqlite3 cannot be used .*VIT_LAB_HOME$"):
        Store(path)


def test_a_garbled_page_is_told_in_a_sentence(path):
    store = Store(path)
    add(store, 50)
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(StoreError, match="cannot be used"):
        Store(path)


def test_a_folder_in_place_of_the_file_is_refused_in_a_sentence(path):
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be used"):
        Store(path)


def test_a_file_in_place_of_the_home_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "home" / "runs.sqlite3")


def test_a_folder_that_cannot_be_written_is_refused_in_a_sentence(tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("This user may write everywhere, as root may.")
    with pytest.raises(StoreError, match="check that the folder is writable"):
        Store(folder / "runs.sqlite3")


def test_a_full_disk_is_told_in_a_sentence_and_changes_nothing(store):
    (run_id,) = add(store)
    pages = store._database._writer.execute("PRAGMA page_count").fetchone()[0]
    store._database._writer.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to run out of space
    with pytest.raises(StoreError, match=r"full.* has space"):
        append(store, run_id, *(step(number) for number in range(1, 2000)))
    assert store.events(run_id, "step") == [] and store.run(run_id).step == 0
    store._database._writer.execute("PRAGMA max_page_count = 1000000")
    append(store, run_id, step(1))
    assert store.run(run_id).step == 1


# Runs


def test_runs_are_listed_newest_first(store):
    ids = add(store, 3) + add(store, 2, "f")
    assert [run.id for run in store.runs()] == ids[::-1]
    assert numbers(store) == [5, 4, 3, 2, 1]
    assert store.latest_experiment() == "f"


def test_runs_of_some_ids_come_in_that_order_and_those_of_an_experiment_by_arm(store):
    ids = add(store, 3)
    other = add(store, 2, "f")
    assert [run.id for run in store.runs([ids[2], "gone", other[0], ids[0]])] == [ids[2], other[0], ids[0]]
    assert [run.id for run in store.runs(experiment="e")] == ids
    assert store.runs([]) == store.runs(experiment="none") == []


def test_a_new_run_holds_its_config_and_waits(store):
    config = tiny(scheme="xavier", seed=4)
    (run_id,) = store.add([NewRun(config, "mine", "e", 1)])
    run = store.run(run_id)
    assert run.config == config
    assert (run.name, run.experiment, run.arm, run.status) == ("mine", "e", 1, Status.QUEUED)
    assert (run.step, run.wall_seconds, run.train_loss, run.test_accuracy, run.error) == (0, 0, None, None, None)


def test_an_unknown_run_is_answered_in_a_sentence(store):
    with pytest.raises(StoreError, match="there is no run 'nothing'"):
        store.run("nothing")


def test_adding_is_all_or_nothing(store):
    def runs():
        yield NewRun(tiny(), "one", "e")
        raise RuntimeError("the second cannot be made")

    with pytest.raises(RuntimeError, match="second"):
        store.add(runs())
    assert store.runs() == []
    assert len(add(store)) == 1


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_and_tags_are_stored_as_text(store, name):
    (by_name,) = store.add([NewRun(tiny(), name, "e")])
    (renamed,) = add(store)
    store.rename(renamed, name)
    store.tag(renamed, name)
    assert store.run(by_name).name == store.run(renamed).name == store.run(renamed).tags == name
    assert len(store.runs()) == 2


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("x" * 10_000, "x" * LONGEST_NAME), ("  a\n\tb  ", "a b"), ("", "unnamed"), ("\n", "unnamed"), ("\0", "\0")],
)
def test_names_are_one_line_and_not_endless(store, typed, kept):
    (run_id,) = add(store)
    store.rename(run_id, typed)
    assert store.run(run_id).name == kept


def test_tags_can_be_emptied(store):
    (run_id,) = add(store)
    store.tag(run_id, "warm-up")
    store.tag(run_id, "")
    assert store.run(run_id).tags == ""


# Events


def test_events_come_back_by_kind_and_step(store):
    (run_id,) = add(store)
    append(store, run_id, *reversed(EVENTS))
    for kind in {event.kind for event in EVENTS}:
        expected = [json.loads(e.to_json()) | {"seconds": float(e.step)} for e in EVENTS if e.kind == kind]
        assert store.events(run_id, kind) == expected


def test_the_run_shows_the_latest_of_its_events(store):
    (run_id,) = add(store)
    append(store, run_id, *EVENTS[:3])
    run = store.run(run_id)
    assert (run.step, run.total_steps, run.train_loss, run.val_accuracy) == (1, 10, 2.25, 0.1)
    assert (run.wall_seconds, run.images_per_second, run.test_accuracy) == (1.0, 100.0, None)
    append(store, run_id, *EVENTS[3:])
    run = store.run(run_id)
    assert (run.step, run.train_loss, run.val_accuracy, run.test_accuracy) == (2, None, 0.3, 0.25)


def test_appending_a_step_again_replaces_it(store):
    (run_id,) = add(store)
    append(store, run_id, step(1, 5.0), step(2, 4.0))
    append(store, run_id, step(2, 3.0), step(3, 2.0))
    assert [(event["step"], event["loss"]) for event in store.events(run_id, "step")] == [(1, 5), (2, 3), (3, 2)]


def test_runs_do_not_see_one_anothers_events(store):
    one, other = add(store, 2)
    append(store, one, step(1, 5.0))
    append(store, other, step(1, 4.0))
    assert [event["loss"] for event in store.events(one, "step")] == [5.0]


def test_ending_a_run_keeps_a_short_sketch_of_its_loss(store):
    (run_id,) = add(store)
    append(store, run_id, *(step(number, 1 / number) for number in range(1, 201)), step(201, float("nan")))
    store.end(run_id, Status.DIVERGED, "it broke")
    run = store.run(run_id)
    sketch = json.loads(run.sparkline)
    assert 20 <= len(sketch) <= 80 and sketch == sorted(sketch, reverse=True) and sketch[0] == 1
    assert (run.status, run.error, run.request) == (Status.DIVERGED, "it broke", None)


# Experiments


def test_an_experiment_is_what_its_first_runs_said_and_goes_with_its_last(store):
    ids = store.add([NewRun(tiny(), "run", "swept")], "sweep") + add(store, experiment="swept") + add(store)
    records = [(record.id, record.kind, record.extended) for record in store.experiments()]
    assert records == [("e", "compare", 0), ("swept", "sweep", 0)]
    store.mark_extended("swept")
    assert store.experiment("swept").extended == 1
    for run_id in ids[:2]:
        store.end(run_id, Status.FINISHED)
        store.delete([run_id])
    with pytest.raises(StoreError, match="there is no experiment 'swept'"):
        store.experiment("swept")
    assert [record.id for record in store.experiments()] == ["e"]


def test_a_waiting_run_is_not_taken_until_it_is_released_and_keeps_its_place(store):
    waiting, queued = store.add([NewRun(tiny(), "w", "e", status=Status.WAITING), NewRun(tiny(), "q", "e")])
    assert store.queue.places() == {queued: 0}
    store.release(waiting, tiny(learning_rate=0.5))
    assert store.run(waiting).config.optim.learning_rate == 0.5
    assert store.queue.take().id == waiting
    store.release(waiting, tiny(learning_rate=0.25))
    assert store.run(waiting).config.optim.learning_rate == 0.5
    with pytest.raises(StoreError, match="still at work"):
        store.delete([waiting])


def test_what_a_run_has_said_is_taken_back_only_while_it_stands_still(store):
    (run_id,) = add(store)
    append(store, run_id, *EVENTS)
    store.requeue(run_id, anew=True)
    assert store.run(run_id).test_accuracy == 0.25
    store.end(run_id, Status.STOPPED)
    store.requeue(run_id, anew=True)
    run = store.run(run_id)
    assert run.status == Status.QUEUED
    assert store.events(run_id, "evaluated") == []
    assert (run.step, run.wall_seconds, run.sparkline) == (0, 0, "[]")
    assert {run.train_loss, run.val_accuracy, run.test_accuracy, run.best_test_accuracy} == {None}


# What people ask


def test_deleting_takes_the_events_along(store, path):
    one, other = add(store, 2)
    for run_id in (one, other):
        append(store, run_id, *EVENTS)
        store.end(run_id, Status.FINISHED)
    store.delete([one])
    assert [run.id for run in store.runs()] == [other]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT DISTINCT run FROM events").fetchall() == [(other,)]


def test_a_run_at_work_is_not_deleted_and_neither_are_the_others(store):
    idle, busy = add(store, 2)
    store.end(idle, Status.FINISHED)
    for status in (Status.QUEUED, Status.RUNNING):
        assert store.run(busy).status == status
        with pytest.raises(StoreError, match="the run run 1 is still at work; stop it first"):
            store.delete([idle, busy])
        assert len(store.runs()) == 2
        store.queue.take()


def test_deleting_what_is_gone_is_no_error(store):
    store.delete(["gone"])
    assert store.runs() == []


@pytest.mark.parametrize("wish", [Status.PAUSED, Status.STOPPED])
def test_a_wish_is_met_at_once_in_the_queue_and_told_to_a_worker(store, wish):
    (queued,) = add(store)
    store.request(queued, wish)
    assert store.run(queued).status == wish and store.queue.take() is None

    (running,) = add(store)
    assert store.queue.take().id == running
    assert append(store, running, step(1)) is None
    store.request(running, wish)
    assert store.run(running).status == Status.RUNNING
    assert append(store, running, step(2)) == wish

    store.end(running, Status.FINISHED)
    store.request(running, wish)
    assert store.run(running).status == Status.FINISHED and store.run(running).request is None


def test_runs_are_taken_first_come_first_served(store):
    ids = add(store, 3)
    assert store.queue.places() == {run_id: place for place, run_id in enumerate(ids)}
    assert [store.queue.take().id for _ in ids] == ids
    assert store.queue.take() is None and store.queue.places() == {}


def test_many_threads_take_every_run_once(store):
    ids = add(store, 40)
    with ThreadPoolExecutor(8) as pool:
        taken = [run.id for run in pool.map(lambda _: store.queue.take(), ids)]
    assert sorted(taken) == sorted(ids)


def test_requeueing_forgets_the_error_and_spares_those_at_work(store):
    (run_id,) = add(store)
    store.queue.take()
    store.requeue(run_id)
    assert store.run(run_id).status == Status.RUNNING
    store.end(run_id, Status.FAILED, "no space")
    store.requeue(run_id)
    assert (store.run(run_id).status, store.run(run_id).error) == (Status.QUEUED, None)


def test_a_worker_of_a_run_that_is_gone_is_told_to_stop(store):
    assert store.append("gone", [], 1.0, None) == Status.STOPPED


# Two stores on one file


def test_what_one_store_writes_the_other_reads(path):
    one, other = Store(path), Store(path)
    (run_id,) = add(one)
    append(one, run_id, *EVENTS, Diverged(step=3))
    assert other.runs() == one.runs()
    assert other.events(run_id, "probed") == one.events(run_id, "probed")
    assert other.queue.take() is None, "it is the other's to train"
    assert one.queue.take().id == run_id
    other.request(run_id, Status.PAUSED)
    assert append(one, run_id, step(4)) == Status.PAUSED
    one.close(), other.close()


def test_two_stores_and_many_threads_write_at_once_and_lose_nothing(path):
    stores = [Store(path), Store(path)]
    together = threading.Barrier(8)

    def work(worker):
        together.wait(timeout=30)
        for _ in range(10):
            (run_id,) = add(stores[worker % 2])
            append(stores[worker % 2], run_id, *EVENTS)
            stores[(worker + 1) % 2].rename(run_id, f"by {worker}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert numbers(stores[0]) == list(range(80, 0, -1))
    assert all(len(stores[1].events(run.id, "step")) == 2 for run in stores[1].runs())
    for store in stores:
        store.close()


def test_a_new_file_can_be_opened_by_many_at_once(tmp_path):
    for attempt in range(10):
        together = threading.Barrier(6)

        def open_it(_, together=together, attempt=attempt):
            together.wait(timeout=30)
            return Store(tmp_path / str(attempt) / "runs.sqlite3")

        with ThreadPoolExecutor(6) as pool:
            stores = list(pool.map(open_it, range(6)))
        for store in stores:
            add(store)
        assert len(stores[0].runs()) == 6
        for store in stores:
            store.close()


def test_processes_that_open_a_new_file_at_once_all_succeed(path):
    script = (
        "import pathlib, sys; from vit_lab.runs.store import Store; print(len(Store(pathlib.Path(sys.argv[1])).runs()))"
    )
    command = [sys.executable, "-c", script, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60) for process in processes] == [("0\n", "")] * 3


def test_packed_events_are_read_as_before_and_the_file_is_smaller(store, path):
    [ended, going] = add(store, 2)
    places = [Place(block=block, group="qk") for block in range(1, 9)]
    rows = tuple(("weight_std", place, 0.01 * step) for step in range(40) for place in places)
    for run_id in (ended, going):
        store.append(run_id, [(1.0, Probed(step=step, rows=rows)) for step in range(60)], 1.0, None)
    store.end(ended, Status.FINISHED)
    before, raw = store.events(ended, "probed"), list(store.tables.rows("events", ["e"]))
    size = path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size
    assert store.tables.pack_events() == 60, "none of the run that is still queued"
    store.tables.shrink()
    assert path.stat().st_size < 0.7 * size
    assert store.events(ended, "probed") == before
    assert list(store.tables.rows("events", ["e"])) == raw, "as a bundle takes them"
    assert store.tables.pack_events() == 0
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE events SET body = x'00ff' WHERE run = ? AND step = 3", (ended,))
    assert [event["step"] for event in store.events(ended, "probed")] == [step for step in range(60) if step != 3]
    with pytest.raises(StoreError, match=f"damaged .* of the run {ended} at step 3; start that run over"):
        list(store.tables.rows("events", ["e"]))
