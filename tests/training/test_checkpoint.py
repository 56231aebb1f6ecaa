"""A checkpoint comes back to the bit, is written whole or not at all, and cannot run code."""

import json
import os
import pickle
import struct

import pytest
import torch
from safetensors.torch import save

from vit_lab.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint

TENSORS = {
    "model.a": torch.tensor([[1.5, -0.0], [torch.nan, torch.inf]]),
    "optimiser.a.step": torch.tensor(3.0),
    "interval.losses": torch.tensor([1e-40, 2.0]),
    "empty": torch.empty(0),
}
COUNTERS = {"step": 3, "config": {"seed": 1, "model": {"mlp_ratio": 1 / 3, "clip_norm": None}}}


@pytest.fixture
def path(tmp_path):
    """Where a good checkpoint stands."""
    path = tmp_path / "checkpoints" / "run.safetensors"
    save_checkpoint(Checkpoint(TENSORS, COUNTERS), path)
    return path


def bits(tensor):
    return tensor.dtype, tensor.shape, tensor.numpy().tobytes()


def test_a_checkpoint_comes_back_to_the_bit(path):
    loaded = load_checkpoint(path)
    assert loaded.counters == COUNTERS and loaded.step == 3
    assert {name: bits(value) for name, value in loaded.tensors.items()} == {
        name: bits(value) for name, value in TENSORS.items()
    }


def test_saving_leaves_one_file_and_replaces_the_old(path):
    save_checkpoint(Checkpoint(TENSORS, COUNTERS | {"step": 4}), path)
    assert load_checkpoint(path).step == 4
    assert [file.name for file in path.parent.iterdir()] == [path.name]


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def header(size, text=b""):
    return struct.pack("<Q", size) + text


DAMAGE = {
    "empty": lambda good: b"",
    "half": lambda good: good[: len(good) // 2],
    "a byte short": lambda good: good[:-1],
    "garbage": lambda good: bytes(range(256)) * 10,
    "endless header": lambda good: header(2**62),
    "header of another shape": lambda good: header(2, b"[]"),
    "another program's": lambda good: save({"a": torch.zeros(2)}),
    "counters not JSON": lambda good: save({"a": torch.zeros(2)}, metadata={"counters": "{"}),
    "counters a list": lambda good: save({"a": torch.zeros(2)}, metadata={"counters": "[]"}),
    "no step": lambda good: save({"a": torch.zeros(2)}, metadata={"counters": json.dumps({"config": {}})}),
    "text for a step": lambda good: save({"a": torch.zeros(2)}, metadata={"counters": '{"step": null}'}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_refused_in_a_sentence(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value) and "start the run again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_travels_between_processes_to_the_bit_and_shares_no_memory():
    weights = torch.arange(6.0).reshape(2, 3).T
    sent = Checkpoint({"weights": weights, "count": torch.tensor(3)}, COUNTERS)
    came = pickle.loads(pickle.dumps(sent))
    assert came.counters == COUNTERS
    assert torch.equal(came.tensors["weights"], weights) and torch.equal(came.tensors["count"], torch.tensor(3))
    came.tensors["weights"].zero_()
    assert weights.sum() == 15


def test_a_missing_file_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*gone\.safetensors; start the run again"):
        load_checkpoint(tmp_path / "gone.safetensors")


def test_a_folder_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(CheckpointError, match="start the run again"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("write", [pickle.dumps, None], ids=["pickle", "torch.save"])
def test_a_pickle_is_refused_and_not_run(path, tmp_path, write):
    bomb = Bomb(tmp_path / "crater")
    path.write_bytes(write(bomb)) if write else torch.save({"step": bomb}, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not bomb.folder.exists()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(path, monkeypatch, call):
    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(Checkpoint(TENSORS, COUNTERS | {"step": 4}), path)
    assert load_checkpoint(path).step == 3
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_that_save_the_same_run_at_once_do_not_share_a_file(path, monkeypatch):
    """A worker thread that was left behind may still be saving a run that another has taken."""
    first, second = Checkpoint({}, {"step": 1}), Checkpoint({}, {"step": 2})
    monkeypatch.setattr(os, "fsync", lambda _: monkeypatch.undo() or save_checkpoint(second, path))
    save_checkpoint(first, path)
    assert load_checkpoint(path).step == 1 and list(path.parent.iterdir()) == [path]
