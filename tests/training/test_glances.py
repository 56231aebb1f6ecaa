"""A glance holds what a look holds, of one token and one class; nothing of it depends on who has asked before."""

import numpy as np
import pytest
from test_look_inside import KINDS
from tiny import tiny, tiny_sequences

from vit_lab.settings import ConfigError
from vit_lab.training import glances, inside
from vit_lab.training.looks import MEAN, UNKNOWN, Weights

START = Weights(0)
DRAWING = bytes(range(256)) * 3 + bytes(16)


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS.keys())
def test_a_glance_is_part_of_a_look(config):
    seen = inside.look(config, START, 3)
    for token in (MEAN, 1):
        found = glances.glance(config, START, 3, token)
        assert found.lens == pytest.approx(seen.lens, abs=1e-6) and np.array_equal(found.probabilities, found.lens[-1])
        assert found.of == found.label == seen.label
        assert found.tokens == pytest.approx(seen.token_lens[:, :, seen.label], abs=1e-6)
        if config.model.kind == "transformer":
            expected = seen.attention
        elif seen.attention.ndim == 5:
            expected = seen.attention.mean(axis=(2, 3)) if token == MEAN else seen.attention[:, :, 0, token]
        else:
            expected = seen.attention.mean(axis=2) if token == MEAN else seen.attention[:, :, token]
        assert found.reads == pytest.approx(expected, abs=1e-3)
    assert (found.time is None) == (seen.time is None)
    if found.time is not None:
        assert found.time == pytest.approx(seen.time[:, :, 1, 0], abs=1e-6)


def test_a_drawing_has_no_class_and_its_answer_is_followed():
    found = glances.glance(tiny(), START, DRAWING)
    assert found.label == UNKNOWN and found.of == int(found.probabilities.argmax())
    assert glances.glance(tiny(), START, DRAWING, of=4).of == 4
    assert np.array_equal((255 * found.example).round().astype(int).ravel(), np.frombuffer(DRAWING, np.uint8))


def test_a_typed_source_is_posed_as_the_task_poses_it():
    config = tiny_sequences(dataset="reverse")
    found = glances.glance(config, START, (4, 3, 2, 1))
    assert found.example.tolist() == [[4, 3, 2, 1], [0, 1, 2, 3]] and found.label == 4


@pytest.mark.parametrize("example", [bytes(7), (1, 2), (0, 1, 2, 3), (1, 2, 3, 5)])
def test_what_a_model_cannot_read_is_refused(example):
    config = tiny() if isinstance(example, bytes) else tiny_sequences()
    with pytest.raises(ConfigError, match="digit"):
        glances.glance(config, START, example)


def test_probabilities_over_steps_leave_out_what_cannot_be_read(tmp_path):
    broken = Weights(4, tmp_path / "nothing.safetensors")
    found = glances.probabilities(tiny(), [START, broken], 3)
    assert found[0].tolist() == pytest.approx(inside.look(tiny(), START, 3).probabilities.tolist(), abs=1e-6)
    assert np.isnan(found[1]).all()


def test_pictures_are_those_of_the_test_set():
    shown = glances.pictures(tiny(), [3, 5])
    assert shown.shape == (2, 28, 28, 1) and shown.dtype == np.uint8
    levels = 255 * inside.look(tiny(), START, 5).example[0]
    assert np.abs(shown[1, :, :, 0] - levels).max() <= 1


def test_few_models_stay_in_memory(monkeypatch):
    monkeypatch.setattr(glances, "MOST_BYTES", 0)
    for seed in range(3):
        glances.glance(tiny(seed=seed), START, 0)
    assert len(glances._models) == 1 and len(glances._data) <= glances.MOST_DATA
