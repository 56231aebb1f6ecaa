"""A look at a step: plain data that says what the model of that step computes for an example."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.data.splits import load_run_data
from vit_lab.init.build import build_model
from vit_lab.settings import ConfigError
from vit_lab.training.checkpoint import CheckpointError, save_checkpoint
from vit_lab.training.inside import answers, look, occluded
from vit_lab.training.looks import Weights
from vit_lab.training.trainer import train

KINDS = {
    "images": tiny(pool="cls", pixel_noise=0.2),
    "levels as they are": tiny(normalise=False),
    "clips": tiny_clips(),
    "frames": tiny_clips(space_time="space"),
    "sequences": tiny_sequences(),
}
every_kind = pytest.mark.parametrize("config", KINDS.values(), ids=KINDS.keys())


@pytest.fixture
def kept(tmp_path):
    """Has a run trained to its end and its weights kept there."""

    def keep(config):
        training = train(config, load_run_data(config))
        list(training)
        save_checkpoint(training.weights(), tmp_path / "end.safetensors")
        return training.model, Weights(training.step, tmp_path / "end.safetensors")

    return keep


@every_kind
def test_a_look_says_what_the_model_answers(config, kept):
    model, weights = kept(config)
    seen, test = look(config, weights, 3), load_run_data(config).test
    with torch.no_grad():
        expected = model(test.inputs[3:4]).softmax(dim=-1)[0].numpy()
    is_sequence = config.model.kind == "transformer"
    assert np.array_equal(seen.probabilities, expected[-1] if is_sequence else expected)
    assert np.array_equal(seen.lens[-1], seen.probabilities)
    assert seen.step == 10 and seen.label == int(test.labels[3].flatten()[-1])
    blocks, tokens = config.model.depth, len(seen.rollout)
    places = config.model.sequence_length if is_sequence else tokens
    assert seen.token_lens.shape == (blocks, places, config.model.num_classes)
    assert seen.attention.shape[:2] == (blocks, config.model.heads) and tokens == config.model.num_tokens
    assert pickle.loads(pickle.dumps(seen)).rollout.tolist() == seen.rollout.tolist()


@every_kind
def test_the_weights_of_step_0_need_no_file(config):
    test = load_run_data(config).test
    with torch.no_grad():
        expected = build_model(config)(test.inputs[:1]).softmax(dim=-1)[0].flatten()
    assert look(config, Weights(0), 0).probabilities.tolist() == expected[-config.model.num_classes :].tolist()


@pytest.mark.parametrize("config", [tiny(), tiny(normalise=False), tiny_clips(), tiny_clips(normalise=False)])
def test_an_example_comes_in_grey_levels_from_black_to_white(config):
    example = look(config, Weights(0), 0).example
    assert example.min() == pytest.approx(0, abs=1e-6) and 0.5 < example.max() <= 1 + 1e-6
    assert example.shape == load_run_data(config).test.inputs.shape[1:]


@every_kind
def test_answers_are_those_of_the_whole_test_set(config, kept):
    model, weights = kept(config)
    test, found = load_run_data(config).test, answers(config, weights)
    with torch.no_grad():
        expected = model(test.inputs[:100]).softmax(dim=-1)
    assert len(found.labels) == min(len(test), 2000) and np.array_equal(found.labels, test.labels[:2000])
    assert np.array_equal(found.answers[:100], expected.argmax(-1))
    true = expected.gather(-1, test.labels[:100, ..., None])[..., 0].numpy()
    assert np.allclose(found.true_probabilities[:100], true, atol=1e-6)
    assert len(answers(config, weights, 7).labels) == 7


@every_kind
def test_what_each_part_is_worth_has_the_shape_of_the_parts(config):
    lost = occluded(config, Weights(0), 0)
    parts = {"vit": (4,), "timesformer": (3, 4), "transformer": (4,)}
    assert lost.shape == parts[config.model.kind] and np.abs(lost).max() > 0


@pytest.mark.parametrize("digit", [-1, 2000])
@pytest.mark.parametrize("of", [look, occluded])
def test_an_example_beyond_the_test_set_is_refused(of, digit):
    with pytest.raises(ConfigError, match=f"digit: {digit} is beyond the test set of 2000; choose 0 to 1999"):
        of(tiny(), Weights(0), digit)


def test_weights_that_are_no_use_are_refused_in_a_sentence(kept, tmp_path):
    config = tiny()
    _, end = kept(config)
    good = end.file.read_bytes()
    for weights, content, why in (
        (end, good[: len(good) // 2], "cannot be read"),
        (end, good[:-8] + bytes(8), "cannot be read"),
        (end, b"", "cannot be read"),
        (Weights(9, end.file), good, "is of step 10"),
        (Weights(10, tmp_path / "gone"), good, "cannot be read"),
    ):
        (tmp_path / "end.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=f"what is kept of step {weights.step} {why}.*; replay the run to it"):
            look(config, weights, 0)
    with pytest.raises(CheckpointError, match="is of another model; replay the run to it"):
        answers(tiny(dim=16), Weights(10, tmp_path / "end.safetensors"))
    with pytest.raises(CheckpointError, match="no weights of step 5 are kept"):
        look(config, Weights(5), 0)


def test_what_is_seen_can_be_carried_to_a_process_without_torch(tmp_path):
    (tmp_path / "look").write_bytes(pickle.dumps(look(tiny(), Weights(0), 0)))
    code = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb')); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "look"], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
