"""The weight probes agree with their formulas, layer by layer and group by group, and change nothing."""

import math

import pytest
import torch
from tiny import tiny

from vit_lab.config import GROUPS
from vit_lab.init.build import build_model
from vit_lab.places import Place
from vit_lab.probes.bins import BINS, histogram_edges
from vit_lab.probes.weights import (
    gradient_rows,
    histograms,
    layers,
    update_rows,
    weight_rows,
)

QK = Place(block=1, part="attention", group="qk")


@pytest.fixture
def model():
    return build_model(tiny(position="learned", pool="cls", depth=2))


def moved(model, step=0.01):
    """The model with every parameter pushed a little."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += step * torch.randn(parameter.shape, generator=generator)
    return model


def of_group(model, group):
    return torch.cat([m.weight.detach().flatten() for m in model.matrices() if m.group == group]).double()


def test_a_model_has_the_layers_that_a_person_would_name(model):
    assert [str(layer) for layer in layers(model)] == [
        "embed",
        "1.qk",
        "1.vo",
        "1.mlp",
        "2.qk",
        "2.vo",
        "2.mlp",
        "head",
    ]


def test_std_norm_and_distance_follow_the_formulas(model):
    start, before = layers(model), {group: of_group(model, group) for group in GROUPS}
    rows = {(measure, str(place)): value for measure, place, value in weight_rows(layers(moved(model)), start)}
    for group in GROUPS:
        now = of_group(model, group)
        assert rows["weight_std", group] == pytest.approx(float(now.std()), rel=1e-4)
        assert rows["weight_norm", group] == pytest.approx(float(now.norm()), rel=1e-4)
        distance = float((now - before[group]).norm() / before[group].norm())
        assert rows["weight_distance", group] == pytest.approx(distance, rel=1e-4)
    mlp = model.blocks[1].mlp
    second = torch.cat([mlp.up.weight.flatten(), mlp.down.weight.flatten()]).detach()
    assert rows["weight_std", "2.mlp"] == pytest.approx(float(second.std()), rel=1e-4)


def test_the_distance_at_the_start_is_zero(model):
    rows = weight_rows(layers(model), layers(model))
    assert {value for measure, _, value in rows if measure == "weight_distance"} == {0.0}


def test_the_update_ratio_by_hand(model):
    before = layers(model)
    after = {name: weights * 1.001 for name, weights in before.items()}
    for _, _, ratio in update_rows(before, after):
        assert ratio == pytest.approx(-3, abs=1e-2)
    assert {ratio for _, _, ratio in update_rows(before, before)} == {-math.inf}


def test_the_gradient_norm_of_a_layer_covers_its_matrices(model):
    model(torch.ones(2, 1, 28, 28)).sum().backward()
    rows = {str(place): value for _, place, value in gradient_rows(model)}
    mlp = model.blocks[0].mlp
    squares = float(mlp.up.weight.grad.square().sum() + mlp.down.weight.grad.square().sum())
    assert rows["1.mlp"] == pytest.approx(math.sqrt(squares), rel=1e-4)
    width = model.config.dim
    qkv = model.blocks[0].attention.qkv.weight.grad
    assert rows["1.qk"] == pytest.approx(float(qkv[: 2 * width].norm()), rel=1e-4)


@pytest.mark.parametrize("std", [0.0002, 0.02, 1.0, 8.0])
def test_histograms_count_every_weight_in_its_bin(std):
    weights = std * torch.randn(5000, generator=torch.Generator().manual_seed(1))
    counts = histograms({QK: weights})[QK]
    edges = histogram_edges()
    assert len(counts) == BINS and len(edges) == BINS + 1 and sum(counts) == 5000
    expected = torch.histogram(
        weights.double().clamp(edges[0], edges[-1]), torch.tensor(edges, dtype=torch.float64)
    ).hist
    assert int((torch.tensor(counts) - expected).abs().sum()) <= 4  # a weight on an edge may round either way


def test_small_and_large_variances_both_fill_many_bins():
    for std in (0.02, 1.0):
        weights = std * torch.randn(5000, generator=torch.Generator().manual_seed(1))
        assert sum(count > 0 for count in histograms({QK: weights})[QK]) >= 20


def test_weights_beyond_the_bins_count_to_the_last():
    counts = histograms({QK: torch.tensor([1e6, -1e6, -1e6])})[QK]
    assert (counts[0], counts[-1]) == (2, 1)


def test_probing_changes_nothing(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weights = layers(model)
    weight_rows(weights, weights)
    histograms(weights)
    update_rows(weights, weights)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
