"""Layers without norm or residual path do what the formulas say, and the softmax saturates as its logits grow."""

import math

import pytest
import torch

from vit_lab.config import InitConfig
from vit_lab.data.splits import load_run_data
from vit_lab.init.schemes import ALONE, ELEMENTWISE, expected_variance
from vit_lab.probes.layers_alone import one_layer, output_variance, stack_rms
from vit_lab.probes.rows import by_head
from vit_lab.probes.saturation import by_qk_scale
from vit_lab.probes.trace import trace
from vit_lab.settings import configure


@pytest.mark.parametrize("scheme", ELEMENTWISE)
@pytest.mark.parametrize(("fan_in", "fan_out"), [(64, 256), (256, 64)])
def test_a_layer_has_the_variance_of_its_formula_and_so_has_its_output(scheme, fan_in, fan_out):
    init = InitConfig(scheme=scheme, variance_scale=2.0)
    weights = one_layer(init, fan_in, fan_out, seed=3)
    variance = expected_variance(init, ALONE, fan_in, fan_out)
    assert weights.shape == (fan_out, fan_in)
    assert float(weights.var()) == pytest.approx(variance, rel=0.05)
    assert output_variance(weights, seed=3) == pytest.approx(fan_in * variance, rel=0.08)


def test_the_output_variance_of_known_weights_is_that_of_their_inputs():
    assert output_variance(2 * torch.eye(50, dtype=torch.float64), seed=0) == pytest.approx(4.0, rel=0.03)


def test_two_schemes_rank_the_weights_of_one_draw_alike():
    small, large = (one_layer(InitConfig(scheme=scheme), 16, 16, seed=1).flatten() for scheme in ("vit", "kaiming"))
    assert torch.equal(small.argsort(), large.argsort())


def test_a_stack_grows_by_the_root_of_fan_in_times_the_variance_at_each_layer():
    for scale, gain in ((0.25, 0.5), (1.0, 1.0), (4.0, 2.0)):  # xavier on a square matrix: n sigma^2 is the scale
        found = stack_rms(InitConfig(scheme="xavier", variance_scale=scale), width=128, depth=6, seed=0)
        assert len(found) == 7 and found[0] == pytest.approx(1, rel=0.02)
        assert found == pytest.approx([gain**depth for depth in range(7)], rel=0.15)


def test_logits_grow_with_the_variance_of_queries_and_keys_and_entropy_falls():
    config = configure(dim=16, depth=1, heads=2, scheme="xavier")
    digits = load_run_data(config).validation.inputs[:4]
    found = {
        (scale, measure, str(place)): value for scale, measure, place, value in by_qk_scale(config, digits, [1, 4, 100])
    }
    for head in ("1/0", "1/1"):
        logits = [found[scale, "max_attention_logit", head] for scale in (1, 4, 100)]
        assert logits == pytest.approx([logits[0], 4 * logits[0], 100 * logits[0]], rel=1e-4)
        entropies = [found[scale, "attention_entropy", head] for scale in (1, 4, 100)]
        assert 1 > entropies[0] > entropies[1] > entropies[2]


def test_scale_1_is_the_model_as_it_is():
    from vit_lab.init.build import build_model

    config = configure(dim=16, depth=2, heads=2)
    digits = load_run_data(config).validation.inputs[:4]
    rows = [row for _, *row in by_qk_scale(config, digits, [1.0])]
    assert rows == [list(row) for row in by_head(trace(build_model(config), digits))]
    assert all(math.isfinite(value) for *_, value in rows)
