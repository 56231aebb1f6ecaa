"""Snapshots are whole or absent, go with their run, stay within their budget, and cost no run its end."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from commands import with_this_path
from tiny import pair, tiny
from waiting import ended

from vit_lab import paths
from vit_lab.data.splits import load_run_data
from vit_lab.runs import snapshots
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.limits import SNAPSHOTS_IN_ALL, SNAPSHOTS_OF_A_RUN
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.settings import ConfigError
from vit_lab.training import checkpoint as checkpoint_module
from vit_lab.training.cadence import PROBES, probe_steps, thinned
from vit_lab.training.checkpoint import Checkpoint, load_checkpoint
from vit_lab.training.looks import Weights
from vit_lab.training.trainer import Training, train

MIB = 2**20
NO_SPACE = OSError(28, "No space left on device")


@pytest.fixture
def manager(store):
    manager = RunManager(store, 1)
    yield manager
    manager.shutdown()


def trained(manager, config=None, kind="compare", **own):
    """A run, once it has ended."""
    [run_id] = manager.submit([NewRun(config or tiny(), "a run", "e", **own)], kind)
    return ended(manager.store, run_id)


def steps_on_disk(run):
    return sorted(int(file.stem) for file in paths.snapshots_of(run.id).glob("*.safetensors"))


def some_weights(step, megabytes=0.001):
    return Checkpoint({"model.a": torch.ones(int(megabytes * MIB) // 4)}, {"step": step})


@pytest.fixture(params=["threads", "processes"])
def kind(request, monkeypatch):
    """Where runs and replays are trained."""
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


def test_a_run_keeps_the_weights_of_its_probe_steps_to_the_bit(store, kind):
    config, manager = tiny(steps=40, dropout=0.1), RunManager(store, 1)
    try:
        run = trained(manager, config)
    finally:
        manager.shutdown()
    assert run.status == Status.FINISHED
    assert steps_on_disk(run) == probe_steps(40, PROBES) == snapshots.kept_steps(run)
    training, seen = train(config, load_run_data(config)), 0
    for event in training:
        if event.kind == "probed":
            mine = load_checkpoint(paths.snapshot(run.id, event.step))
            whole = training.weights()
            assert mine.counters == whole.counters and mine.tensors.keys() == whole.tensors.keys()
            assert all(torch.equal(mine.tensors[name], whole.tensors[name]) for name in mine.tensors)
            seen += 1
    assert seen == len(steps_on_disk(run))


def test_sweeps_claims_and_pilots_keep_none_but_their_ends_open(manager):
    for run in (trained(manager, kind="sweep"), trained(manager, kind="claim"), trained(manager, pilot=True)):
        assert run.status == Status.FINISHED and not paths.snapshots_of(run.id).exists()
        assert snapshots.kept_steps(run) == [0, 10]
        assert snapshots.kept_weights(run, 10) == Weights(10, paths.checkpoint(run.id))
        assert snapshots.kept_weights(run, 0) == Weights(0) and snapshots.kept_weights(run, 5) is None
        manager.delete([run.id])


def test_a_step_that_a_run_has_not_made_is_refused_in_a_sentence(store):
    (run_id,) = store.add(pair([tiny()], "e"))
    with pytest.raises(ConfigError, match=r"step: 1 is beyond what .* has made, 0 steps; choose 0"):
        snapshots.kept_weights(store.run(run_id), 1)
    with pytest.raises(ConfigError, match="step: -1"):
        snapshots.kept_weights(store.run(run_id), -1)


# The budget


def test_fewer_fit_and_they_stand_evenly(manager, monkeypatch):
    each = 4 * sum(p.numel() for p in train(tiny(), load_run_data(tiny())).model.parameters()) + snapshots.HEADER_BYTES
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", 5 * each)
    run = trained(manager, tiny(steps=64))
    assert steps_on_disk(run) == thinned(probe_steps(64, PROBES), 5)
    assert len(steps_on_disk(run)) == 5 and steps_on_disk(run)[-1] == 64
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", each - 1)
    run = trained(manager, tiny(steps=64))
    assert run.status == Status.FINISHED and steps_on_disk(run) == []


def test_what_a_run_keeps_is_within_its_budget_however_large_its_model(store):
    for settings in ({}, {"dim": 128, "depth": 12}, {"dim": 512, "heads": 8, "depth": 24, "mlp_ratio": 8}):
        (run_id,) = store.add(pair([tiny(**settings)], "e"))
        run = store.run(run_id)
        count = snapshots.make_room_for(run)
        numbers = sum(p.numel() for p in snapshots_model(run.config).parameters())
        assert count * 4 * numbers <= SNAPSHOTS_OF_A_RUN and (count > 0) == (4 * numbers < SNAPSHOTS_OF_A_RUN / 2)


def snapshots_model(config):
    from vit_lab.init.build import unfilled

    return unfilled(config.model)


def sizes():
    return sum(file.stat().st_size for file in paths.snapshots().rglob("*") if file.is_file())


def test_all_runs_together_stay_within_the_budget_and_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOTS_IN_ALL", 12 * MIB)
    for run_id, count in (("a", 8), ("b", 4)):
        for step in range(count):
            assert snapshots.keep(run_id, some_weights(step, 0.99))
    snapshots.make_room(0)
    assert [len(list(paths.snapshots_of(run_id).iterdir())) for run_id in "ab"] == [8, 4], "there was room"
    snapshots.make_room(3 * MIB)
    left = {run_id: sorted(int(file.stem) for file in paths.snapshots_of(run_id).iterdir()) for run_id in "ab"}
    assert left == {"a": [1, 3, 5, 7], "b": [0, 1, 2, 3]}
    snapshots.make_room(11 * MIB)
    assert sizes() <= MIB
    snapshots.make_room(13 * MIB)
    assert sizes() == 0


def test_a_run_that_begins_makes_room_among_all(manager, monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOTS_IN_ALL", 8 * MIB)
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", 4 * MIB)
    for step in range(4):
        snapshots.keep("of before", some_weights(step, 0.99))
        snapshots.keep("and before", some_weights(step, 0.99))
    run = trained(manager, tiny(steps=40))
    assert steps_on_disk(run) == probe_steps(40, PROBES) and sizes() <= 8 * MIB
    assert SNAPSHOTS_OF_A_RUN < SNAPSHOTS_IN_ALL


def test_one_run_keeps_no_more_than_its_share(monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", 3 * MIB)
    kept = [snapshots.keep("a", some_weights(step, 0.8)) for step in range(5)]
    assert kept == [True, True, True, False, False]
    assert snapshots.keep("a", some_weights(1, 0.8)), "one that is there is written anew"


def test_a_disk_with_little_space_keeps_none(manager, monkeypatch):
    usage = shutil.disk_usage(paths.home())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=snapshots.LEFT_FREE))
    run = trained(manager)
    assert run.status == Status.FINISHED and steps_on_disk(run) == []


def fails_for_snapshots(function):
    """The function, on a disk that has no room for snapshots."""

    def called(self, *arguments, **named):
        if self.is_relative_to(paths.snapshots()) or paths.snapshots() in Path(*arguments[:1]).parents:
            raise NO_SPACE
        return function(self, *arguments, **named)

    return called


@pytest.mark.parametrize("call", ["open", "replace", "mkdir"])
def test_a_disk_that_is_full_fails_no_run(manager, monkeypatch, call):
    monkeypatch.setattr(Path, call, fails_for_snapshots(getattr(Path, call)))
    run = trained(manager, tiny(steps=40))
    assert (run.status, run.error) == (Status.FINISHED, None)
    assert paths.checkpoint(run.id).is_file()
    monkeypatch.undo()


def test_no_memory_for_a_copy_fails_no_run(manager, monkeypatch):
    def fails(_):
        raise MemoryError

    monkeypatch.setattr(Training, "weights", fails)
    run = trained(manager)
    assert (run.status, run.error) == (Status.FINISHED, None) and steps_on_disk(run) == []


# Whole or absent


@pytest.mark.parametrize("call", ["replace", "open"])
def test_a_write_that_fails_leaves_nothing(monkeypatch, call):
    snapshots.keep("a", some_weights(1))

    def fails(*_, **__):
        raise NO_SPACE

    with monkeypatch.context() as patched:
        patched.setattr(Path, call, fails)
        assert not snapshots.keep("a", some_weights(2))
    assert [file.name for file in paths.snapshots_of("a").iterdir()] == [paths.snapshot("a", 1).name]


DIES = """
import os, signal, torch
from pathlib import Path
from vit_lab.runs import snapshots
from vit_lab.training import checkpoint
from vit_lab.training.checkpoint import Checkpoint
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
class Half(bytes): pass
where = {where!r}
if where == "before the rename":
    Path.replace = die
elif where == "in the middle":
    def save(tensors, metadata, whole=checkpoint.save):
        written = whole(tensors, metadata=metadata)
        file = next(Path({folder!r}).glob("*.tmp"))
        with file.open("wb") as other:
            other.write(written[: len(written) // 2])
        die()
    checkpoint.save = save
else:
    rename = Path.replace
    def replace(self, target):
        rename(self, target)
        die()
    Path.replace = replace
snapshots.keep({run_id!r}, Checkpoint({{"model.a": torch.ones(10_000)}}, {{"step": 7}}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="It kills by signal.")
@pytest.mark.parametrize("where", ["in the middle", "before the rename", "after the rename"])
def test_a_writer_that_is_killed_leaves_a_whole_snapshot_or_none(store, where):
    (run_id,) = store.add(pair([tiny()], "e"))
    program = DIES.format(where=where, run_id=run_id, folder=str(paths.snapshots_of(run_id)))
    done = subprocess.run([sys.executable, "-c", with_this_path(program)], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    names = sorted(file.suffix for file in paths.snapshots_of(run_id).iterdir())
    assert names == ([".safetensors"] if where == "after the rename" else [".tmp"])
    if where == "after the rename":
        assert load_checkpoint(paths.snapshot(run_id, 7)).tensors["model.a"].sum() == 10_000
    snapshots.sweep(store)
    assert [file.suffix for file in paths.snapshots_of(run_id).iterdir()] == names, "its run is at work"
    store.end(run_id, Status.INTERRUPTED)
    snapshots.sweep(store)
    assert [file for file in paths.snapshots_of(run_id).iterdir() if file.suffix == ".tmp"] == []


def test_what_a_killed_worker_has_left_goes_when_its_run_goes_on(manager):
    run = trained(manager)
    paths.snapshot(run.id, 3).with_suffix(".abc.tmp").write_bytes(b"half")
    manager.store._set(run.id, status=Status.INTERRUPTED)
    manager.resume(run.id)
    ended(manager.store, run.id)
    assert list(paths.snapshots_of(run.id).glob("*.tmp")) == []


def test_a_snapshot_does_not_wait_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("it waits"))
    assert snapshots.keep("a", some_weights(1))
    assert checkpoint_module.load_checkpoint(paths.snapshot("a", 1)).step == 1


# With their run


def test_snapshots_go_with_their_run(manager):
    one, other = trained(manager), trained(manager)
    manager.delete([one.id])
    assert not paths.snapshots_of(one.id).exists() and steps_on_disk(other) != []
    assert [folder.name for folder in paths.snapshots().iterdir()] == [other.id]


def test_a_deletion_that_was_cut_short_is_finished_or_taken_back(store):
    (kept,) = store.add(pair([tiny()], "e"))
    for run_id in (kept, "gone", "of another database"):
        snapshots.keep(run_id, some_weights(1))
    snapshots.doom(kept)
    snapshots.doom("gone")
    manager = RunManager(store, 1)
    assert {folder.name for folder in paths.snapshots().iterdir()} == {kept, "of another database"}
    assert paths.snapshot(kept, 1).is_file()
    manager.stop(kept)
    manager.delete([kept])
    assert [folder.name for folder in paths.snapshots().iterdir()] == ["of another database"]
    manager.shutdown()


def test_a_run_that_starts_over_forgets_what_it_kept(manager):
    run = trained(manager)
    stale = paths.snapshot(run.id, 777)
    stale.write_bytes(b"of before")
    manager.store._set(run.id, status=Status.STOPPED)
    manager.start_over(run.id)
    run = ended(manager.store, run.id)
    assert run.status == Status.FINISHED and not stale.exists() and steps_on_disk(run) != []


def test_a_replayed_step_is_kept_unless_its_run_is_gone(manager, tmp_path):
    run = trained(manager, kind="sweep")
    file = tmp_path / "replayed"
    file.write_bytes(b"weights")
    replayed = Weights(5, file)
    kept = snapshots.keep_replayed(manager.store, run.id, replayed)
    assert kept == Weights(5, paths.snapshot(run.id, 5)) and kept.file.read_bytes() == b"weights"
    assert snapshots.kept_weights(run, 5) == kept and snapshots.kept_steps(run) == [0, 5, 10]
    manager.delete([run.id])
    assert snapshots.keep_replayed(manager.store, run.id, replayed) == replayed
    assert not paths.snapshots_of(run.id).exists()


def test_a_replayed_step_for_which_there_is_no_room_stays_where_it_is(manager, tmp_path, monkeypatch):
    run = trained(manager, kind="sweep")
    (tmp_path / "replayed").write_bytes(bytes(1000))
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", 999)
    replayed = Weights(5, tmp_path / "replayed")
    assert snapshots.keep_replayed(manager.store, run.id, replayed) == replayed
    assert snapshots.kept_weights(run, 5) is None


def test_runs_that_train_at_once_stay_within_the_budget_of_all_once_they_have_ended(store, monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOTS_IN_ALL", MIB // 2)
    monkeypatch.setattr(snapshots, "SNAPSHOTS_OF_A_RUN", MIB // 2)
    manager = RunManager(store, 2)
    try:
        ids = manager.submit([NewRun(tiny(seed=seed, dim=64, depth=2), "a run", "e") for seed in range(4)])
        assert {ended(store, run_id).status for run_id in ids} == {Status.FINISHED}
    finally:
        manager.shutdown()
    assert 0 < sizes() <= MIB // 2
