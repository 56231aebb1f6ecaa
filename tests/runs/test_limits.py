"""What one visitor may ask of the machine, what belongs to whom, and that the host and the shell are left alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tiny import pair, tiny
from waiting import ended

from vit_lab import paths
from vit_lab.axes import Grid
from vit_lab.data.splits import load_run_data
from vit_lab.events import StepMeasured
from vit_lab.presets import PRESETS
from vit_lab.runs import limits
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors import follow
from vit_lab.runs.executors.messages import Ended
from vit_lab.runs.executors.worker import Worker
from vit_lab.runs.limits import HOST, HOST_LIMITS, VISITOR_LIMITS, Limits, check_size
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure
from vit_lab.training.checkpoint import load_checkpoint

SMALL = Limits(runs=3, queue=5, steps=1_000, dim=64, depth=4, memory_bytes=limits.GIB, wall_seconds=60.0)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(limits, "VISITOR_LIMITS", SMALL)


@pytest.fixture
def idle(store, monkeypatch):
    """A manager whose workers never start."""
    manager = RunManager(store, 1)
    monkeypatch.setattr(manager._pool, "call", lambda: None)
    return manager


def new(count, experiment="e"):
    return [NewRun(tiny(), "n", experiment, arm) for arm in range(count)]


def test_a_visitor_queues_so_many_runs_and_not_one_more(idle, small):
    ann, bob = idle.as_visitor("ann"), idle.as_visitor("bob")
    ann.submit(new(2))
    with pytest.raises(StoreError, match="4 of your runs at work, and 3 is the most; wait for some to end, or stop"):
        ann.submit(new(2))
    assert len(idle.store.runs()) == 2, "all or none"
    ann.submit(new(1))
    bob.submit(new(1, "f"))
    assert [run.owner for run in idle.store.runs()] == ["bob", "ann", "ann", "ann"]


def test_visitors_together_fill_the_queue_and_no_more(idle, small):
    idle.as_visitor("ann").submit(new(3))
    idle.as_visitor("bob").submit(new(2, "f"))
    with pytest.raises(StoreError, match="5 runs at work already, and 5 is the most that this machine queues"):
        idle.as_visitor("eve").submit(new(1, "g"))


def test_two_visitors_who_submit_at_once_do_not_pass_the_limit_together(idle, small):
    idle.as_visitor("ann").submit(new(3))
    other = RunManager(Store(paths.database()), 1)
    other._pool.call = lambda: None
    together = threading.Barrier(2)

    def submit(manager):
        together.wait(timeout=30)
        try:
            return len(manager.submit(new(2, manager.visitor)))
        except StoreError:
            return 0

    with ThreadPoolExecutor(2) as threads:
        added = list(threads.map(submit, (idle.as_visitor("bob"), other.as_visitor("eve"))))
    other.store.close()
    assert sorted(added) == [0, 2]


def test_the_host_and_the_shell_have_no_limit_on_how_many(idle, small):
    assert len(idle.submit(new(50))) == 50
    assert {run.owner for run in idle.store.runs()} == {HOST}


def test_what_has_ended_makes_room(idle, small):
    ann = idle.as_visitor("ann")
    ids = ann.submit(new(3))
    idle.store.end(ids[0], Status.FINISHED)
    ann.submit(new(1))


def test_resuming_counts_as_queueing(idle, small):
    ann = idle.as_visitor("ann")
    ids = ann.submit(new(3))
    for run_id in ids:
        ann.pause(run_id)
    ann.submit(new(3))
    with pytest.raises(StoreError, match="3 is the most"):
        ann.resume(ids[0])
    assert idle.store.run(ids[0]).status == Status.PAUSED


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"steps": 1_001}, "steps"),
        ({"epochs": 1_000, "batch_size": 10}, "epochs"),
        ({"dim": 66}, "dim"),
        ({"depth": 5}, "depth"),
        ({"patch_size": 1, "batch_size": 4_096}, "batch_size"),
        ({"patch_size": 1, "batch_size": 1, "heads": 8, "attention_dropout": 0.1}, "batch_size"),
    ],
)
def test_a_run_that_is_too_large_is_refused_with_the_field_and_the_most(idle, small, settings, field):
    config = tiny(**{"dim": 16} | settings)
    with pytest.raises(ConfigError, match="that one run may have here; choose") as refused:
        idle.as_visitor("ann").submit([NewRun(config, "n", "e")])
    assert refused.value.field == field and idle.store.runs() == []
    idle.submit([NewRun(config, "n", "e")])


def test_nobody_trains_for_ever_by_counting_in_epochs():
    with pytest.raises(ConfigError, match="steps is more than the 100,000 that one run may have here"):
        check_size(HOST, [configure(epochs=1_000, batch_size=1)])


@pytest.mark.parametrize("name", PRESETS)
def test_a_class_may_train_every_preset(name):
    check_size("ann", [PRESETS[name].config])


def test_a_visitor_is_never_allowed_more_than_the_host():
    for field in ("steps", "dim", "depth", "memory_bytes", "wall_seconds"):
        assert getattr(VISITOR_LIMITS, field) <= getattr(HOST_LIMITS, field)
    assert VISITOR_LIMITS.runs and VISITOR_LIMITS.queue and VISITOR_LIMITS.runs < VISITOR_LIMITS.queue


def test_a_run_that_has_trained_for_too_long_is_stopped_with_a_checkpoint_and_says_so(store, monkeypatch):
    monkeypatch.setattr(follow, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(limits, "VISITOR_LIMITS", Limits(9, 9, 10**6, 512, 24, limits.GIB, wall_seconds=2.0))
    manager = RunManager(store, 1)
    try:
        (run_id,) = manager.as_visitor("ann").submit(pair([tiny(steps=100_000)], "e"))
        run = ended(store, run_id)
        assert run.status == Status.STOPPED and run.wall_seconds < 10
        assert "the longest that a run may; choose fewer steps" in run.error
        assert load_checkpoint(paths.checkpoint(run_id)).step == run.step > 0
        for anybody in (manager.as_visitor("ann"), manager):  # the host's worker would stop it at once, too
            with pytest.raises(StoreError, match="the longest that a run may"):
                anybody.resume(run_id)
    finally:
        manager.shutdown()


@pytest.mark.parametrize("what", ["pause", "stop", "resume", "start_over", "delete", "describe"])
def test_a_visitor_changes_only_their_own_runs_and_the_host_all(idle, what):
    store = idle.store

    def prepared():
        (run_id,) = store.add(new(1), owner="ann")
        if what in ("resume", "start_over", "delete"):
            store.end(run_id, Status.FAILED)
        return run_id

    def ask(manager, run_id):
        words = ("renamed", "tagged") if what == "describe" else ()
        getattr(manager, what)([run_id] if what == "delete" else run_id, *words)

    run_id = prepared()
    before = store.run(run_id)
    with pytest.raises(StoreError, match="somebody else's; only they, or the host, may change it"):
        ask(idle.as_visitor("bob"), run_id)
    assert store.run(run_id) == before
    for manager in (idle.as_visitor("ann"), idle):
        run_id = prepared()
        ask(manager, run_id)
        assert run_id not in [run.id for run in store.runs()] or store.run(run_id) != before


def test_a_visitor_cannot_change_a_run_of_the_host_or_of_the_shell(idle):
    (run_id,) = idle.store.add(new(1))
    with pytest.raises(StoreError, match="somebody else's"):
        idle.as_visitor("ann").stop(run_id)


def test_nobody_adds_runs_to_what_is_somebody_elses_and_what_the_host_adds_stays_theirs(idle):
    ann, bob = idle.as_visitor("ann"), idle.as_visitor("bob")
    ann.submit(new(2))
    with pytest.raises(StoreError, match="this experiment is somebody else's; only they, or the host, may add to it"):
        bob.submit(new(1))
    assert len(idle.store.runs()) == 2
    ann.submit(new(1))
    for run_id in idle.submit(new(1)):
        ann.pause(run_id)
    assert {run.owner for run in idle.store.runs(experiment="e")} == {"ann"}
    idle.submit(new(1, "f"))
    with pytest.raises(StoreError, match="somebody else's"):
        ann.submit(new(1, "f"))


def test_one_strange_run_among_their_own_stops_the_whole_deletion(idle):
    store = idle.store
    ids = store.add(new(2), owner="ann") + store.add(new(1), owner="bob")
    for run_id in ids:
        store.end(run_id, Status.FINISHED)
    with pytest.raises(StoreError, match="somebody else's"):
        idle.as_visitor("ann").delete(ids)
    assert len(store.runs()) == 3


def test_a_run_that_may_not_be_queued_keeps_what_it_has_said(idle, small):
    (run_id,) = idle.store.add(new(1), owner="ann")
    event = StepMeasured(step=1, loss=1.0, accuracy=0.5, learning_rate=1e-3, gradient_norm=0.1)
    idle.store.append(run_id, [(1.0, event)], 1.0, None)
    idle.store.end(run_id, Status.FAILED, "no space")
    idle.store.add(new(3), owner="ann")
    before = idle.store.run(run_id)
    with pytest.raises(StoreError, match="4 of your runs at work, and 3 is the most"):
        idle.as_visitor("ann").start_over(run_id)
    assert idle.store.run(run_id) == before and len(idle.store.events(run_id, "step")) == 1


def taken_twice(store):
    """A run as the worker knows it that has lost it, and as the one does that has resumed it."""
    (run_id,) = store.add(new(1))
    lost = store.queue.take()
    store.interrupt_runs_of(store.presence.name)
    store.requeue(run_id)
    return run_id, lost, store.queue.take()


def test_a_worker_that_has_lost_its_run_writes_nothing_more(store):
    run_id, lost, mine = taken_twice(store)
    event = StepMeasured(step=1, loss=1.0, accuracy=0.5, learning_rate=1e-3, gradient_norm=0.1)
    assert store.append(run_id, [(1.0, event)], 1.0, None, lost.turn) == Status.INTERRUPTED
    store.end(run_id, Status.INTERRUPTED, None, lost.turn)
    assert store.events(run_id, "step") == [] and store.run(run_id).status == Status.RUNNING
    assert store.append(run_id, [(1.0, event)], 1.0, None, mine.turn) is None
    store.end(run_id, Status.FINISHED, None, mine.turn)
    assert (store.run(run_id).status, store.run(run_id).step) == (Status.FINISHED, 1)


def test_a_worker_that_has_lost_its_run_in_the_last_steps_leaves_the_checkpoint_alone(store):
    run_id, lost, mine = taken_twice(store)
    worker = Worker(store, store.presence.name, follow.train_here)
    assert worker.train(lost) == Ended(Status.INTERRUPTED)
    assert not paths.checkpoint(run_id).exists() and store.events(run_id, "finished") == []
    assert worker.train(mine) == Ended(Status.FINISHED)
    assert len(store.events(run_id, "finished")) == 1


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_data_takes_is_foreseen(noise):
    config = configure(pixel_noise=noise)
    data = load_run_data(config)
    kept = data.train.pool.nbytes + data.test.inputs.nbytes
    assert kept <= limits.data_bytes(config) <= 6 * kept
    assert limits.data_bytes(configure(dataset="cifar-10")) == 60_000 * 3_072 * 5
    assert limits.data_bytes(PRESETS["copy"].config) == limits.data_bytes(PRESETS["moving-digits"].config) == 0


def test_a_map_looks_at_fewer_images_of_larger_models_and_at_none_of_too_large_ones():
    def images(memory=limits.GIB, **settings):
        return limits.map_images(Grid.around(configure(**settings), "queries-keys", "values-mlp").configs, memory)

    assert images() == limits.look_images(configure(), limits.GIB) == 64
    assert 0 < images(dim=128) < 64
    assert images(dim=512, depth=24) == 0
    assert images(memory=2**20) == 0
