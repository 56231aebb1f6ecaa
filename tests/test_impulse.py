"""Impulse: each head attends to one neighbour of a patch, against computations of their own.

Matrices are taken apart as the paper writes them, applied to row vectors: W_Q of a head is (D, K).
"""

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtri
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.init.build import build_model
from vit_lab.init.quantiles import uniforms
from vit_lab.init.schemes import expected_variance
from vit_lab.places import Place
from vit_lab.probes.preflight import expected_std
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import arm_spec, parse_arm

WINDOW = [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]  # (down, right)
SINES = {"position": "sinusoidal"}


def impulse(config):
    """The same with this scheme and the positions that it needs."""
    return configure(config, scheme="impulse")


FOUR = configure(scheme="impulse", depth=1)  # 4 x 4 patches, 4 heads of 16 features
MODELS = {
    "vit": impulse(tiny(dim=16)),
    "class token": impulse(tiny(dim=16, pool="cls")),
    **{way: impulse(tiny_clips(space_time=way, zero_temporal=False)) for way in ("space", "joint")},
    "divided": impulse(tiny_clips(zero_temporal=False)),
}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())


def weights(model):
    """Every matrix by name, (fan_out, fan_in), float64."""
    return {matrix.name: matrix.weight.detach().double().numpy() for matrix in model.matrices()}


def queries_and_keys(model, head, block=0):
    """W_Q and W_K of one head over space."""
    attention = model.blocks[block].attention
    found, size = weights(model), attention.qkv.in_features // attention.heads
    rows = slice(head * size, (head + 1) * size)
    return tuple(found[f"blocks.{block}.attention.{name}"][rows].T for name in ("q", "k"))


def seen(positions):
    """Positions after a LayerNorm: (N, D)."""
    p = positions.detach().double().numpy().reshape(-1, positions.shape[-1])
    return (p - p.mean(1, keepdims=True)) / np.sqrt(p.var(1, keepdims=True) + 1e-5)


def pairs(side, head):
    """(query, key) of every patch that has a neighbour where the head looks, patch by patch."""
    down, right = WINDOW[head % 9]
    return [
        (row * side + column, (row + down) * side + column + right)
        for row in range(side)
        for column in range(side)
        if 0 <= row + down < side and 0 <= column + right < side
    ]


def hits(model, head, side, first=0):
    """The share of patches that give most of the head's attention to their neighbour; tokens are positions alone."""
    w_q, w_k = queries_and_keys(model, head)
    p = seen(model.position)
    scores = p @ w_q @ w_k.T @ p.T / math.sqrt(w_q.shape[1])
    probabilities = np.exp(scores - scores.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    wanted = pairs(side, head)
    found = [probabilities[first + query, first + key] > 0.5 for query, key in wanted]
    return sum(found) / len(wanted)


def target(config, head, side, first=0):
    """T of a head of the first block, written down entry by entry."""
    count = first + side**2
    noise = ndtri(uniforms(torch.Size((count, count)), config.seed, f"blocks.0.attention.q target {head}").numpy())
    for query, key in pairs(side, head):
        noise[first + query, first + key] = 1000
    return noise


@pytest.mark.parametrize(
    ("settings", "side"),
    [({}, 4), ({"dim": 256, "heads": 4, "patch_size": 4}, 7), ({"dim": 160, "heads": 10}, 4)],
    ids=["16 patches", "49 patches", "10 heads"],
)
def test_with_as_many_features_as_patches_each_head_reads_its_neighbour(settings, side):
    config = configure(FOUR, **settings)
    model = build_model(config)
    assert config.model.dim // config.model.heads >= side**2
    assert [hits(model, head, side) for head in range(config.model.heads)] == [1.0] * config.model.heads


def test_with_fewer_features_most_patches_still_do():
    config = configure(FOUR, patch_size=4, dim=128, heads=4)  # 49 patches, 32 features
    model = build_model(config)
    assert all(hits(model, head, 7) > 0.6 for head in range(4))
    other = build_model(configure(config, scheme="mimetic"))
    assert all(hits(other, head, 7) < 0.1 for head in range(1, 4))


def test_a_class_token_is_in_no_window():
    model = build_model(configure(FOUR, pool="cls", dim=128))
    assert all(hits(model, head, 4, first=1) == 1 for head in range(4))


@pytest.mark.parametrize(
    "settings", [{}, {"pool": "cls"}, {"heads": 1, "dim": 64}, {"dim": 24, "heads": 4}, {"patch_size": 4}], ids=str
)
def test_queries_and_keys_are_the_halves_of_the_target_seen_through_the_positions(settings):
    """P^+ and A = P^+ T P^+^T by numpy; W_Q W_K^T is the best of rank K of A, up to a factor."""
    config = configure(FOUR, **settings)
    model, side = build_model(config), 28 // config.model.patch_size
    size, p = config.model.dim // config.model.heads, seen(model.position)
    u, s, vt = np.linalg.svd(p, full_matrices=False)
    kept = [i for i in range(len(s)) if i < size and s[i] > 1e-6 * s[0]]
    inverse = sum(np.outer(vt[i], u[:, i]) / s[i] for i in kept)
    for head in range(config.model.heads):
        a = inverse @ target(config, head, side, int(config.model.pool == "cls")) @ inverse.T
        left, values, right = np.linalg.svd(a)
        nearest = (left[:, :size] * values[:size]) @ right[:size]
        w_q, w_k = queries_and_keys(model, head)
        np.testing.assert_allclose(w_q @ w_k.T, 49 * nearest / values[:size].sum(), atol=2e-4)
        np.testing.assert_allclose(np.linalg.norm(w_q, axis=0), np.linalg.norm(w_k, axis=0), rtol=1e-3, atol=1e-5)


@every_model
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_norms_are_seven_and_scales_are_of_the_variance(config, scale):
    model = build_model(configure(config, qk_scale=scale))
    for block in range(config.model.depth):
        for head in range(config.model.heads):
            for half in queries_and_keys(model, head, block):
                assert np.linalg.norm(half) == pytest.approx(7 * math.sqrt(scale), rel=1e-5)


@every_model
def test_positions_are_eighteen_times_those_of_other_arms(config):
    plain, model = build_model(configure(config, scheme="xavier")), build_model(configure(config, variance_scale=3))
    torch.testing.assert_close(model.position, 18 * plain.position)
    factor = 18 if getattr(config.model, "space_time", "") == "joint" else 1
    if torch.is_tensor(getattr(plain, "time_position", None)):
        torch.testing.assert_close(model.time_position, factor * plain.time_position)
    assert float(build_model(configure(scheme="impulse")).position.detach().std()) == pytest.approx(
        18 * 0.0176, rel=0.03
    )


def test_attention_over_all_frames_reads_the_neighbour_in_the_same_frame():
    config = impulse(tiny_clips(space_time="joint", dim=64, heads=4, patch_size=7, num_frames=3, depth=1))
    model, side = build_model(config), config.model.image_size // 7
    p = seen(model.position + model.time_position)  # frame by frame
    count = side**2
    for head in range(4):
        w_q, w_k = queries_and_keys(model, head)
        best = (p @ w_q @ w_k.T @ p.T).argmax(1)
        wanted = [(f * count + q, f * count + k) for f in range(3) for q, k in pairs(side, head)]
        by_chance = 1 / (3 * count)
        assert np.mean([best[query] == key for query, key in wanted]) > 5 * by_chance


def test_all_but_attention_over_space_is_linear_default_and_values_with_output_are_mimetic():
    config = MODELS["divided"]
    model, default, mimetic = (
        build_model(configure(config, scheme=s)) for s in ("impulse", "linear-default", "mimetic")
    )
    ours, plain, other = weights(model), weights(default), weights(mimetic)
    for name in ours:
        over_space = ".attention." in name
        assert np.array_equal(ours[name], plain[name]) == (not over_space), name
        assert np.array_equal(ours[name], other[name]) == (not name.endswith((".q", ".k")) and ".time." not in name)
    assert any(".time." in name for name in ours)


def test_no_formula_is_promised_of_attention_over_space():
    config = MODELS["divided"]
    promised = expected_std(build_model(config), config)
    assert math.isnan(promised["qk"]) and math.isnan(promised["vo"]) and promised["mlp"] > 0
    time = Place(block=1, part="time", group="qk", projection="q")
    assert expected_variance(config.init, time, 8, 8) == pytest.approx(1 / 24), "it sees no grid"


@every_model
def test_a_control_has_the_norms_and_the_positions_of_its_arm_and_no_neighbours(config):
    arm, control = (build_model(configure(config, norm_matched=matched)) for matched in (False, True))
    assert torch.equal(arm.position, control.position)
    ours, theirs = weights(arm), weights(control)
    for name in ours:
        assert np.linalg.norm(theirs[name]) == pytest.approx(np.linalg.norm(ours[name]), rel=1e-5)
        assert not np.allclose(theirs[name], ours[name])


def test_the_control_of_heads_that_read_their_neighbours_reads_none():
    control = build_model(configure(FOUR, norm_matched=True))
    assert all(hits(control, head, 4) < 0.4 for head in range(4))


@every_model
def test_a_seed_is_a_start_and_another_another(config):
    one, again, other = (weights(build_model(configure(config, seed=seed))) for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], again[name]) and not np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("config", "asked", "field", "sentence"),
    [
        (tiny(), SINES, "position", "sinusoidal does not go with the scheme impulse; choose learned"),
        (tiny(), {"position": "none"}, "position", "none does not go with the scheme impulse; choose learned"),
        (tiny_clips(), SINES, "position", "sinusoidal does not go with the scheme impulse; choose learned"),
        (
            tiny_sequences(),
            {},
            "scheme",
            "impulse needs position learned, and a transformer has no such setting; choose ",
        ),
    ],
)
def test_where_there_is_no_grid_or_nothing_to_set_it_is_refused(config, asked, field, sentence):
    with pytest.raises(ConfigError) as refused:
        configure(config, **{"scheme": "impulse"} | asked)
    assert refused.value.field == field and refused.value.message.startswith(sentence)


def test_an_arm_is_read_alone_for_its_model_is_known_later():
    arm = {"scheme": "impulse", "norm_matched": True, "variance_scale": 3.0}
    assert parse_arm("norm-matched:impulse:3").items() >= arm.items()
    assert arm_spec(configure(FOUR, norm_matched=True).init) == "norm-matched:impulse"
