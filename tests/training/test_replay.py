"""A step that is trained again is the step, to the bit, whatever its run is like and wherever the replay begins."""

import itertools

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.training import replay as replay_module
from vit_lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from vit_lab.training.replay import replay
from vit_lab.training.trainer import train

NOISY = {"dropout": 0.1, "attention_dropout": 0.1, "shift": 2, "label_noise": 0.3, "pixel_noise": 0.1}
RUNS = {
    "noisy": tiny(**NOISY),
    "sgd": tiny(optimiser="sgd", dropout=0.1, learning_rate=0.05),
    "muon": tiny(optimiser="muon", shift=1),
    "unclipped, by epochs": tiny(epochs=2, clip_norm=None, schedule_unit="epoch"),
    "looks at data first": tiny(scheme="lsuv", validation_size=0),
    "clips": tiny_clips(dropout=0.1, zero_temporal=False),
    "sequences": tiny_sequences(dropout=0.1, attention_dropout=0.1),
}
STEP = 6


def stopped_at(config, step):
    """A run that speaks, after so many steps."""
    training = train(config, load_run_data(config))
    if step:
        next(event for event in training if isinstance(event, Stepped) and event.step == step)
    return training


def the_model_in(checkpoint):
    """What a checkpoint holds of the model."""
    of_the_model = {name: tensor for name, tensor in checkpoint.tensors.items() if name.startswith("model.")}
    return Checkpoint(of_the_model, {"step": checkpoint.step})


def bits(checkpoint):
    return {name: tensor.numpy().tobytes() for name, tensor in checkpoint.tensors.items()}


@pytest.mark.parametrize("config", RUNS.values(), ids=RUNS.keys())
@pytest.mark.parametrize("begins", ["at the start", "at a checkpoint"])
def test_a_replayed_step_is_equal_to_the_bit(config, begins, tmp_path):
    checkpoint, into = tmp_path / "run.safetensors", tmp_path / "step.safetensors"
    if begins == "at a checkpoint":
        save_checkpoint(stopped_at(config, 4).checkpoint(), checkpoint)
    assert list(replay(config, STEP, checkpoint, into))[-1] == STEP
    found, expected = load_checkpoint(into), the_model_in(stopped_at(config, STEP).checkpoint())
    assert found.step == STEP and bits(found) == bits(expected)
    assert all(tensor.dtype == torch.float32 for tensor in found.tensors.values())


def test_the_start_and_the_end_of_a_run_are_steps_too(tmp_path):
    config = RUNS["noisy"]
    for step in (0, 10):
        into = tmp_path / f"{step}.safetensors"
        list(replay(config, step, tmp_path / "none", into))
        assert bits(load_checkpoint(into)) == bits(the_model_in(stopped_at(config, step).checkpoint()))


@pytest.mark.parametrize("of", ["a later step", "another model", "nothing that can be read"])
def test_a_checkpoint_that_is_of_no_use_is_passed_over(of, tmp_path):
    config, checkpoint, into = RUNS["noisy"], tmp_path / "run.safetensors", tmp_path / "step.safetensors"
    if of == "nothing that can be read":
        checkpoint.write_bytes(b"garbage")
    else:
        other = tiny(dim=16) if of == "another model" else config
        save_checkpoint(stopped_at(other, 4 if of == "another model" else 9).checkpoint(), checkpoint)
    list(replay(config, STEP, checkpoint, into))
    assert bits(load_checkpoint(into)) == bits(the_model_in(stopped_at(config, STEP).checkpoint()))


def test_a_replay_tells_how_far_it_is_and_writes_nothing_before_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(replay_module, "TELL_SECONDS", 0.0)
    into = tmp_path / "step.safetensors"
    steps = replay(tiny(), STEP, tmp_path / "none", into)
    assert list(itertools.islice(steps, STEP)) == list(range(STEP)) and not into.exists()
    assert list(steps) == [STEP] and into.is_file()


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_that_a_run_does_not_have_is_refused(step, tmp_path):
    with pytest.raises(ValueError, match=f"step {step} is none of this run; choose 0 to 10"):
        list(replay(tiny(), step, tmp_path / "none", tmp_path / "into"))


def test_nobody_can_train_on_from_a_snapshot(tmp_path):
    from vit_lab.training.checkpoint import CheckpointError

    config = tiny()
    snapshot = stopped_at(config, 3).weights()
    with pytest.raises(CheckpointError, match="does not fit"):
        train(config, load_run_data(config), checkpoint=snapshot)
