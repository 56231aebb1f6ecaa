"""A model's size is counted without building it, and equals what building it gives."""

from itertools import product

import pytest

from vit_lab.init.build import build_model
from vit_lab.models.size import num_parameters
from vit_lab.presets import PRESETS
from vit_lab.settings import configure

SHARED = [{"dim": 8, "heads": 2, "depth": 1, "mlp_ratio": 1.3}, {"dim": 12, "heads": 3, "depth": 3, "mlp_ratio": 4.0}]
CLIPS = [
    {"space_time": space_time, "position": position, "num_frames": frames, "patch_size": patch_size, **biases}
    for space_time, position, frames, patch_size in product(
        ("space", "joint", "divided"), ("learned", "sinusoidal", "none"), (2, 5), (7, 14)
    )
    for biases in ({}, {"qkv_bias": False}, {"out_bias": False, "final_norm": False, "zero_temporal": False})
]
SEQUENCES = [
    {"vocabulary": vocabulary, "sequence_length": length} for vocabulary, length in product((3, 11, 40), (1, 10, 33))
]


def counted(config):
    return sum(parameter.numel() for parameter in build_model(config).parameters())


@pytest.mark.parametrize("shared", SHARED, ids=["small", "deep"])
@pytest.mark.parametrize("dataset", ["moving-direction", "moving-digits"])
def test_a_timesformer(shared, dataset):
    for clips in CLIPS:
        config = configure(kind="timesformer", dataset=dataset, **shared, **clips)
        assert num_parameters(config.model) == counted(config), clips


@pytest.mark.parametrize("shared", SHARED, ids=["small", "deep"])
def test_a_transformer(shared):
    for sequences in SEQUENCES:
        config = configure(kind="transformer", dataset="reverse", **shared, **sequences)
        assert num_parameters(config.model) == counted(config), sequences


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset(name):
    assert num_parameters(PRESETS[name].config.model) == counted(PRESETS[name].config)
