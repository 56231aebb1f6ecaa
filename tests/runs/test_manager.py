"""Submitted runs are trained to their end, whatever is asked of them on the way and whatever goes wrong."""

import itertools
import json
import sqlite3
import threading
import time

import pytest
import torch
from tiny import pair, tiny
from waiting import ended, wait_for

from vit_lab import paths
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors import follow, sink
from vit_lab.runs.manager import RunManager
from vit_lab.runs.queue import Queue
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train

KINDS = ("started", "step", "evaluated", "probed", "histograms", "finished", "diverged")
LARGE = {f"{group}_scale": 1e6 for group in ("embed", "vo", "mlp", "head")}
UNTAMED = {"learning_rate": 10.0, "clip_norm": None, "final_norm": False}
ABSURD = LARGE | UNTAMED | {"scheme": "normal", "variance_scale": 1e6}
NOISY = {"dropout": 0.1, "shift": 2, "label_noise": 0.2, "seed": 3}


class Gate:
    """Stands in for `train`: a run waits before every event that is kept until the gate lets one through."""

    def __init__(self):
        self.passes = threading.Semaphore(0)
        self.seeds, self.starts, self.threads = [], [], set()

    def __call__(self, config, data, device, checkpoint):
        training = train(config, data, device, checkpoint)
        self.seeds.append(config.seed)
        self.starts.append(training.step)
        self.threads.add(torch.get_num_threads())
        return Gated(training, self.passes)

    def let(self, events):
        for _ in range(events):
            self.passes.release()

    def open(self):
        self.passes.release(100_000)


class Gated:
    def __init__(self, training, passes):
        self.checkpoint, self._training, self._passes = training.checkpoint, training, passes

    def __iter__(self):
        for event in self._training:
            if not isinstance(event, Stepped):
                self._passes.acquire()
                yield event


@pytest.fixture
def gate(monkeypatch):
    """Every event is written at once, and only when the test lets it."""
    gate = Gate()
    monkeypatch.setattr(follow, "train", gate)
    monkeypatch.setattr(follow, "BATCH_SECONDS", 0.0)
    yield gate
    gate.open()


@pytest.fixture
def managers(gate):
    """Makes managers, each with a store of its own on the same home, and ends them."""
    made = []

    def make(workers=1):
        made.append(RunManager(Store(paths.database()), workers))
        return made[-1]

    yield make
    gate.open()
    for manager in made:
        manager.shutdown()
        manager.store.close()


@pytest.fixture
def manager(managers):
    return managers()


def wait_until(manager, run_id, *statuses):
    wait_for(lambda: manager.store.run(run_id).status in statuses)
    return manager.store.run(run_id)


def submit(manager, **settings):
    return manager.submit(pair([tiny(**settings)], "e"))[0]


def said(manager, run_id):
    """Everything that the store has of a run, without the times."""
    return {
        kind: [{key: value for key, value in event.items() if key != "seconds"} for event in found]
        for kind in KINDS
        if (found := manager.store.events(run_id, kind))
    }


def said_by(config):
    """What the run says when nothing stands between it and the listener."""
    told = (event for event in train(config, load_run_data(config)) if not isinstance(event, Stepped))
    events = sorted(told, key=lambda event: event.kind)
    return {
        kind: [json.loads(e.to_json()) for e in group] for kind, group in itertools.groupby(events, lambda e: e.kind)
    }


def assert_same_weights(run_id, other_id):
    mine, theirs = (load_checkpoint(paths.checkpoint(run)).tensors for run in (run_id, other_id))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


# Runs that go well


@pytest.mark.parametrize("batch_seconds", [0.0, 0.25])
def test_a_pair_finishes_with_all_its_events_in_the_store(managers, gate, monkeypatch, batch_seconds):
    monkeypatch.setattr(follow, "BATCH_SECONDS", batch_seconds)
    manager = managers(workers=2)
    configs = [tiny(scheme=scheme, **NOISY) for scheme in ("linear-default", "xavier")]
    gate.open()
    ids = manager.submit(pair(configs, "e"))
    for run_id, config in zip(ids, configs, strict=True):
        run = ended(manager.store, run_id)
        assert (run.status, run.error, run.step, run.total_steps) == (Status.FINISHED, None, 10, 10)
        assert said(manager, run_id) == said_by(config)
        finished = said(manager, run_id)["finished"][0]
        assert run.test_accuracy == finished["test_accuracy"]
        assert run.wall_seconds > 0 and run.images_per_second > 0
        assert len(json.loads(run.sparkline)) == 10


def test_runs_are_trained_in_the_order_of_submission(manager, gate):
    gate.open()
    ids = [submit(manager, seed=seed) for seed in (5, 3, 9)] + manager.submit(pair([tiny(seed=1), tiny(seed=0)], "f"))
    for run_id in ids:
        assert ended(manager.store, run_id).status == Status.FINISHED
    assert gate.seeds == [5, 3, 9, 1, 0]


def test_one_worker_trains_one_run_at_a_time_and_two_train_two(managers):
    for workers in (1, 2):
        manager = managers(workers)
        ids = [submit(manager) for _ in range(3)]
        wait_for(lambda ids=ids, m=manager, n=workers: [m.store.run(i).status for i in ids].count("running") == n)
        assert [manager.store.run(run_id).status for run_id in ids].count(Status.QUEUED) == 3 - workers


def test_every_run_has_one_intra_op_thread(manager, gate):
    gate.open()
    ended(manager.store, submit(manager))
    assert gate.threads == {1}


# Pause, stop, resume, delete


@pytest.mark.parametrize("events", [0, 1, 2, 3, 9, 26])
def test_a_paused_run_that_is_resumed_equals_one_never_paused(managers, manager, gate, events):
    run_id = submit(manager, **NOISY)
    wait_until(manager, run_id, Status.RUNNING)
    gate.let(events)
    wait_for(lambda: sum(map(len, said(manager, run_id).values())) == events)
    manager.pause(run_id)
    gate.let(1)
    paused = wait_until(manager, run_id, Status.PAUSED)
    step = load_checkpoint(paths.checkpoint(run_id)).step
    assert paused.test_accuracy is None and step >= paused.step
    gate.open()
    manager.resume(run_id)
    resumed = ended(manager.store, run_id)
    assert gate.starts == [0, step], "it goes on where it was"

    whole = ended(manager.store, submit(manager, **NOISY))
    assert (resumed.status, whole.status) == (Status.FINISHED, Status.FINISHED)
    assert said(manager, run_id) == said(manager, whole.id)
    assert resumed.test_accuracy == whole.test_accuracy
    assert_same_weights(run_id, whole.id)


def test_a_paused_run_makes_room_for_the_next(manager, gate):
    first, second = submit(manager), submit(manager)
    wait_until(manager, first, Status.RUNNING)
    manager.pause(first)
    gate.let(1)
    wait_until(manager, second, Status.RUNNING)
    assert manager.store.run(first).status == Status.PAUSED


def test_training_time_goes_on_after_a_pause_and_leaves_the_pause_out(manager, gate):
    run_id = submit(manager)
    wait_until(manager, run_id, Status.RUNNING)
    time.sleep(0.4)  # the run is at work, if slowly
    manager.pause(run_id)
    gate.let(2)
    before = wait_until(manager, run_id, Status.PAUSED).wall_seconds
    time.sleep(0.4)
    gate.open()
    resumed = time.monotonic()
    manager.resume(run_id)
    after = ended(manager.store, run_id).wall_seconds
    assert 0.2 < before < after < before + time.monotonic() - resumed
    seconds = [event["seconds"] for event in manager.store.events(run_id, "step")]
    assert seconds == sorted(seconds) and seconds[0] >= before


def test_a_stopped_run_ends_where_it_is_and_may_go_on_after_all(manager, gate):
    run_id = submit(manager)
    wait_until(manager, run_id, Status.RUNNING)
    gate.let(9)
    wait_for(lambda: manager.store.run(run_id).step >= 1)
    manager.stop(run_id)
    gate.let(1)
    stopped = wait_until(manager, run_id, Status.STOPPED)
    assert 1 <= stopped.step < 10 and stopped.test_accuracy is None
    gate.open()
    manager.resume(run_id)
    assert ended(manager.store, run_id).status == Status.FINISHED
    assert said(manager, run_id) == said_by(tiny())


@pytest.mark.parametrize(("ask", "status"), [("stop", Status.STOPPED), ("pause", Status.PAUSED)])
def test_a_queued_run_stands_still_at_once_and_can_be_resumed(manager, gate, ask, status):
    first, second = submit(manager, seed=1), submit(manager, seed=2)
    wait_until(manager, first, Status.RUNNING)
    getattr(manager, ask)(second)
    assert manager.store.run(second).status == status
    gate.open()
    ended(manager.store, first)
    third = ended(manager.store, submit(manager, seed=3))
    assert third.status == Status.FINISHED and gate.seeds == [1, 3]
    manager.resume(second)
    assert ended(manager.store, second).status == Status.FINISHED and gate.seeds == [1, 3, 2]


def test_what_has_ended_well_is_not_resumed(manager, gate):
    gate.open()
    run_id = submit(manager)
    before = ended(manager.store, run_id)
    manager.resume(run_id)
    manager.pause(run_id)
    manager.stop(run_id)
    assert manager.store.run(run_id) == before


def test_deleting_a_run_removes_events_and_checkpoint(manager, gate):
    gate.open()
    one, other = submit(manager), submit(manager)
    for run_id in (one, other):
        ended(manager.store, run_id)
        assert paths.checkpoint(run_id).exists()
    manager.delete([one])
    assert [run.id for run in manager.store.runs()] == [other]
    assert said(manager, one) == {} and not paths.checkpoint(one).exists()
    assert said(manager, other) and paths.checkpoint(other).exists()


def test_a_run_at_work_is_not_deleted(manager, gate):
    run_id = submit(manager)
    wait_until(manager, run_id, Status.RUNNING)
    with pytest.raises(StoreError, match="still at work; stop it first"):
        manager.delete([run_id])
    gate.open()
    assert ended(manager.store, run_id).status == Status.FINISHED


# Shutdown


def test_a_shutdown_interrupts_all_runs_and_another_process_ends_them_as_if_nothing_had_been(managers, gate):
    manager = managers()
    running, queued = submit(manager, **NOISY), submit(manager, seed=8)
    wait_until(manager, running, Status.RUNNING)
    gate.let(8)
    wait_for(lambda: manager.store.run(running).step >= 1)
    stopper = threading.Thread(target=manager.shutdown)
    stopper.start()
    wait_for(lambda: manager._pool.is_ending)
    gate.let(1)
    stopper.join(timeout=30)
    assert [manager.store.run(run_id).status for run_id in (running, queued)] == [Status.INTERRUPTED] * 2
    step = load_checkpoint(paths.checkpoint(running)).step
    assert 1 <= step < 10

    gate.open()
    next_manager = managers()
    for run_id, config in ((running, tiny(**NOISY)), (queued, tiny(seed=8))):
        next_manager.resume(run_id)
        assert ended(next_manager.store, run_id).status == Status.FINISHED
        assert said(next_manager, run_id) == said_by(config)
    assert gate.starts == [0, step, 0]


def test_a_shutdown_is_quick_even_if_a_worker_hangs(manager, gate):
    run_id = submit(manager)
    wait_until(manager, run_id, Status.RUNNING)
    started = time.monotonic()
    manager.shutdown(timeout=0.3)
    assert time.monotonic() - started < 2
    assert manager.store.run(run_id).status == Status.INTERRUPTED


def test_a_shutdown_returns_within_five_seconds_while_runs_are_at_work(managers, gate):
    gate.open()
    manager = managers(workers=2)
    ids = [submit(manager, steps=5_000, seed=seed) for seed in range(3)]
    wait_for(lambda: manager.store.run(ids[1]).step > 5)
    started = time.monotonic()
    manager.shutdown()
    assert time.monotonic() - started < 5
    assert [manager.store.run(run_id).status for run_id in ids] == [Status.INTERRUPTED] * 3


def test_a_shutdown_may_be_repeated_and_needs_no_run(manager, gate):
    manager.shutdown()
    manager.shutdown()
    assert manager.store.runs() == []


def test_a_shutdown_leaves_ended_runs_as_they_are(manager, gate):
    gate.open()
    before = ended(manager.store, submit(manager))
    manager.shutdown()
    manager.shutdown()
    assert manager.store.run(before.id) == before


# Runs that go wrong


def broken_training(error):
    """A stand-in for `train` that fails halfway for seed 0 and trains all others."""

    def stand_in(config, data, device, checkpoint):
        training = train(config, data, device, checkpoint)
        return training if config.seed else itertools.chain(itertools.islice(training, 5), raising(error))

    return stand_in


def raising(error):
    raise error
    yield


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("boom\nand a long story"), "RuntimeError: boom"),
        (MemoryError(), "there is not enough memory for a step; choose a smaller batch"),
        (
            OSError(28, "No space left on device", "/lab/x"),
            "No space left on device: /lab/x; free some space or mend it",
        ),
        (StoreError("the database cannot be used"), "the database cannot be used"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_run_that_breaks_fails_in_a_sentence_and_the_next_one_runs(manager, monkeypatch, error, sentence):
    monkeypatch.setattr(follow, "train", broken_training(error))
    failing, next_one = submit(manager, seed=0), submit(manager, seed=1)
    failed = ended(manager.store, failing)
    assert failed.status == Status.FAILED
    assert failed.error.startswith(sentence) and "\n" not in failed.error
    assert ended(manager.store, next_one).status == Status.FINISHED
    monkeypatch.setattr(follow, "train", train)
    manager.resume(failing)
    assert ended(manager.store, failing).error is None and said(manager, failing) == said_by(tiny())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dataset": "mnist"}, ["mnist is not on this machine", "download it", "mnist-10k"]),
        ({"dataset": "fashion-mnist"}, ["fashion-mnist is not on this machine", "mnist-10k"]),
    ],
)
def test_a_run_whose_data_cannot_be_had_fails_with_the_remedy(manager, gate, settings, words):
    gate.open()
    failed = ended(manager.store, submit(manager, **settings))
    assert failed.status == Status.FAILED and all(word in failed.error for word in words)
    assert ended(manager.store, submit(manager)).status == Status.FINISHED


def test_a_diverged_run_says_at_which_step(manager, gate):
    gate.open()
    run = ended(manager.store, submit(manager, **ABSURD))
    step = said(manager, run.id)["diverged"][0]["step"]
    assert run.status == Status.DIVERGED
    assert (
        run.error
        == f"the loss or its gradient was not a number at step {step}; try a smaller variance or learning rate"
    )
    assert run.test_accuracy is None
    manager.resume(run.id)
    assert manager.store.run(run.id) == run


def test_a_damaged_checkpoint_fails_the_resumed_run_in_a_sentence(manager, gate):
    run_id = submit(manager)
    manager.pause(run_id)
    gate.let(1)
    wait_until(manager, run_id, Status.PAUSED)
    paths.checkpoint(run_id).parent.mkdir(exist_ok=True)
    paths.checkpoint(run_id).write_bytes(b"garbage")
    manager.store._set(run_id, step=1)  # one at step 0 has nothing to lose, and starts over
    gate.open()
    manager.resume(run_id)
    failed = ended(manager.store, run_id)
    assert failed.status == Status.FAILED and "start the run again" in failed.error


def test_a_stored_config_that_is_not_valid_any_more_fails_its_run_alone(manager, gate):
    first, broken, last = submit(manager), submit(manager), submit(manager)
    with sqlite3.connect(paths.database()) as db:
        db.execute("""UPDATE runs SET config = '{"model": {"depth": 99}}' WHERE id = ?""", (broken,))
    db.close()
    gate.open()
    failed = ended(manager.store, broken)
    assert failed.status == Status.FAILED and failed.error.startswith("depth: 99 does not work")
    assert [ended(manager.store, run_id).status for run_id in (first, last)] == [Status.FINISHED] * 2


# A full disk


class FullDisk:
    """Makes a function fail while the disk is full."""

    def __init__(self, monkeypatch, owner, name, error):
        self.full, self.original, self.error = True, getattr(owner, name), error
        monkeypatch.setattr(owner, name, lambda *args, **options: self(*args, **options))

    def __call__(self, *args, **options):
        if self.full:
            raise self.error
        return self.original(*args, **options)


NO_SPACE = StoreError("the database cannot be used (disk is full)")


def test_events_that_cannot_be_written_fail_the_run_and_it_can_go_on_later(manager, gate, monkeypatch):
    gate.open()
    disk = FullDisk(monkeypatch, Store, "append", NO_SPACE)
    run_id = submit(manager)
    failed = ended(manager.store, run_id)
    assert (failed.status, failed.error) == (Status.FAILED, str(NO_SPACE))
    disk.full = False
    manager.resume(run_id)
    assert ended(manager.store, run_id).status == Status.FINISHED and said(manager, run_id) == said_by(tiny())


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1000.0], ids=["on the way", "at the end"])
def test_a_checkpoint_that_cannot_be_written_fails_the_run(manager, gate, monkeypatch, checkpoint_seconds):
    gate.open()
    monkeypatch.setattr(follow, "CHECKPOINT_SECONDS", checkpoint_seconds)
    disk = FullDisk(monkeypatch, sink, "save_checkpoint", OSError(28, "No space left on device"))
    run_id = submit(manager)
    failed = ended(manager.store, run_id)
    assert failed.status == Status.FAILED
    assert failed.error == f"No space left on device: {paths.home()}; free some space or mend it, then resume"
    disk.full = False
    manager.resume(run_id)
    assert ended(manager.store, run_id).status == Status.FINISHED and said(manager, run_id) == said_by(tiny())


def test_an_end_that_cannot_be_written_is_written_when_there_is_space_again(manager, gate, monkeypatch):
    gate.open()
    disk = FullDisk(monkeypatch, Store, "end", NO_SPACE)
    run_id = submit(manager)
    wait_for(lambda: manager.problem == str(NO_SPACE))
    disk.full = False
    assert ended(manager.store, run_id).status == Status.FINISHED
    wait_for(lambda: not manager.problem)


def test_a_queue_that_cannot_be_read_is_read_when_it_can_be_again(manager, gate, monkeypatch):
    gate.open()
    disk = FullDisk(monkeypatch, Queue, "take", NO_SPACE)
    run_id = submit(manager)
    wait_for(lambda: manager.problem == str(NO_SPACE))
    assert manager.store.run(run_id).status == Status.QUEUED
    disk.full = False
    assert ended(manager.store, run_id).status == Status.FINISHED


def test_a_submission_that_cannot_be_written_is_refused_whole(manager, gate, monkeypatch):
    pages = manager.store._database._writer.execute("PRAGMA page_count").fetchone()[0]
    manager.store._database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        manager.submit([NewRun(tiny(), "n", "e", arm) for arm in range(50)])
    assert manager.store.runs() == []
