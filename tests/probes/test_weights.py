"""The weight probes agree with the formulas, group by group, and change nothing."""

import pytest
import torch
from tiny import tiny

from vit_lab.config import GROUPS
from vit_lab.init import build_model, matrices
from vit_lab.probes.weights import group_statistics, snapshot


@pytest.fixture
def model():
    return build_model(tiny(position="learned", pool="cls"))


def moved(model, step=0.01):
    """The model with every parameter pushed a little."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += step * torch.randn(parameter.shape, generator=generator)
    return model


def test_std_and_distance_follow_the_formulas(model):
    initial = snapshot(model)
    rows = {(measure, group): value for measure, group, value in group_statistics(moved(model), initial)}
    assert set(rows) == {(measure, group) for measure in ("weight_std", "weight_distance") for group in GROUPS}
    for group in GROUPS:
        now = torch.cat([m.weight.detach().flatten() for m in matrices(model) if m.group == group]).double()
        start = torch.cat([initial[m.name].flatten() for m in matrices(model) if m.group == group]).double()
        std = ((now - now.mean()).square().sum() / (len(now) - 1)).sqrt()
        distance = (now - start).square().sum().sqrt() / start.square().sum().sqrt()
        assert rows["weight_std", group] == pytest.approx(float(std), rel=1e-4)
        assert rows["weight_distance", group] == pytest.approx(float(distance), rel=1e-4)


def test_the_distance_at_the_start_is_zero(model):
    rows = group_statistics(model, snapshot(model))
    assert [value for measure, _, value in rows if measure == "weight_distance"] == [0.0] * len(GROUPS)


def test_a_snapshot_does_not_follow_the_model(model):
    before = snapshot(model)
    after = snapshot(moved(model))
    assert set(before) == {matrix.name for matrix in matrices(model)}
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_probing_changes_nothing(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    group_statistics(model, snapshot(model))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
