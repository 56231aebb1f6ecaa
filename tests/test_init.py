"""The init has the distribution and variance of its scheme, and the arms of a pair start from one draw."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from vit_lab.config import GROUPS, InitConfig, RunConfig
from vit_lab.init.build import build_model, initialise
from vit_lab.init.quantiles import quantile, uniforms
from vit_lab.init.schemes import SCHEMES as ENTRIES
from vit_lab.init.schemes import expected_variance
from vit_lab.models.vit import VisionTransformer
from vit_lab.places import Place
from vit_lab.settings import configure

TRUNCATED = stats.truncnorm(-2, 2)
# The schemes once more, on their own: the distribution with variance 1 before truncation, and sigma^2 from the fans.
TABLE = {
    "linear-default": (stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)), lambda fan_in, fan_out: 1 / (3 * fan_in)),
    "xavier": (stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)), lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "kaiming": (stats.norm(), lambda fan_in, fan_out: 2 / fan_in),
    "vit": (TRUNCATED, lambda fan_in, fan_out: 0.02**2),
    "normal": (stats.norm(), lambda fan_in, fan_out: 0.09),
    "lecun": (stats.norm(), lambda fan_in, fan_out: 1 / fan_in),
    "gamma": (stats.norm(), lambda fan_in, fan_out: fan_in**-1.5),
}
SCALE = {"normal": 0.09}  # `normal` has the variance it is given
WIDTHS = (32, 64)
SEED = 11
every_scheme = pytest.mark.parametrize("scheme", TABLE)
every_group = pytest.mark.parametrize("group", GROUPS)
every_width = pytest.mark.parametrize("dim", WIDTHS)
every_pair_of_schemes = pytest.mark.parametrize(("a", "b"), [*itertools.combinations(TABLE, 2)])


def settings(**given):
    shape = {"dim": 32, "depth": 2, "heads": 2, "mlp_ratio": 3.0, "pool": "cls", "position": "learned"}
    own = {"gamma": 0.75} if given.get("scheme") == "gamma" else {}
    return configure(**shape | own | given)


@cache
def model_of(config: RunConfig) -> VisionTransformer:
    return build_model(config)


@cache
def weights_of(config: RunConfig) -> dict[str, np.ndarray]:
    """Every matrix by name, (fan_out, fan_in), float64."""
    return {m.name: m.weight.detach().double().numpy() for m in model_of(config).matrices()}


def standardised(scheme, dim, group):
    """The matrices of a group, each in units of the sigma that the table gives it."""
    sigma = TABLE[scheme][1]
    config = settings(scheme=scheme, dim=dim, variance_scale=SCALE.get(scheme, 1.0), seed=SEED)
    found = [m for m in model_of(config).matrices() if m.group == group]
    assert found
    return [m.weight.detach().double().numpy().ravel() / math.sqrt(sigma(*reversed(m.weight.shape))) for m in found]


@every_scheme
@every_group
@every_width
def test_mean_and_variance_are_those_of_the_table(scheme, group, dim):
    distribution = TABLE[scheme][0]
    variance, excess = (float(moment) for moment in distribution.stats("vk"))
    for weights in standardised(scheme, dim, group):
        n = weights.size
        assert abs(weights.mean()) < 5 * math.sqrt(variance / n)
        assert abs(weights.var() / variance - 1) < 5 * math.sqrt((excess + 2) / n)  # standard error of a variance


@every_scheme
@every_group
@every_width
def test_the_shape_of_the_distribution_is_that_of_the_table(scheme, group, dim):
    weights = np.concatenate(standardised(scheme, dim, group))
    assert stats.kstest(weights, TABLE[scheme][0].cdf).pvalue > 1e-3


@pytest.mark.parametrize("scheme", ["linear-default", "xavier", "vit"])
@every_width
def test_bounded_distributions_fill_their_bounds_and_do_not_cross_them(scheme, dim):
    weights = np.concatenate([np.concatenate(standardised(scheme, dim, group)) for group in GROUPS])
    low, high = TABLE[scheme][0].support()
    assert low * (1 + 1e-6) <= weights.min() < 0.995 * low
    assert 0.995 * high < weights.max() <= high * (1 + 1e-6)


@every_scheme
@every_group
def test_the_expected_variance_is_the_one_of_the_table(scheme, group):
    distribution, sigma2 = TABLE[scheme]
    init = InitConfig(scheme=scheme, variance_scale=SCALE.get(scheme, 1.0), gamma=0.75 if scheme == "gamma" else 0.5)
    assert ENTRIES[scheme].sigma2(init, 30, 50) * init.variance_scale == pytest.approx(sigma2(30, 50))
    promised = expected_variance(init, Place(group=group), 30, 50)
    assert promised == pytest.approx(sigma2(30, 50) * distribution.var())


def by_torch(scheme, weight):
    """The same scheme, drawn by torch itself."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        match scheme:
            case "linear-default":
                return nn.Linear(weight.shape[1], weight.shape[0]).weight.detach()
            case "xavier":
                return nn.init.xavier_uniform_(torch.empty_like(weight))
            case "kaiming":
                return nn.init.kaiming_normal_(torch.empty_like(weight), nonlinearity="relu")
            case "vit":
                return nn.init.trunc_normal_(torch.empty_like(weight), std=0.02, a=-0.04, b=0.04)
            case "normal":
                return nn.init.normal_(torch.empty_like(weight))
            case "lecun":
                return nn.init.normal_(torch.empty_like(weight), std=weight.shape[1] ** -0.5)
            case "gamma":
                return nn.init.normal_(torch.empty_like(weight), std=weight.shape[1] ** -0.75)


@every_scheme
@pytest.mark.parametrize("name", ["embed", "blocks.0.attention.q", "blocks.0.attention.out", "blocks.1.mlp.up"])
def test_weights_are_distributed_as_torch_draws_them(scheme, name):
    matrix = next(m for m in model_of(settings(scheme=scheme)).matrices() if m.name == name)
    theirs = by_torch(scheme, matrix.weight.detach())
    assert stats.ks_2samp(matrix.weight.detach().ravel(), theirs.ravel()).pvalue > 1e-3


def test_linear_default_stays_within_the_bound_that_nn_linear_documents():
    for name, weight in weights_of(settings(scheme="linear-default")).items():
        bound = 1 / math.sqrt(weight.shape[1])
        assert 0.98 * bound < abs(weight).max() <= bound * (1 + 1e-6), name


def test_xavier_has_three_times_the_variance_of_linear_default_on_square_matrices():
    small, large = (weights_of(settings(scheme=scheme)) for scheme in ("linear-default", "xavier"))
    square = [name for name in small if small[name].shape[0] == small[name].shape[1]]
    assert len(square) == 2 * 4  # q, k, v and out of two blocks
    for name in square:
        np.testing.assert_allclose(large[name], math.sqrt(3) * small[name], rtol=3e-7)


@every_scheme
@pytest.mark.parametrize("scale", [1e-4, 0.3, 2.0, 100.0])
def test_the_variance_scale_multiplies_every_weight_by_its_root(scheme, scale):
    plain, scaled = weights_of(settings(scheme=scheme)), weights_of(settings(scheme=scheme, variance_scale=scale))
    for name in plain:
        np.testing.assert_allclose(scaled[name], math.sqrt(scale) * plain[name], rtol=3e-7)


@every_scheme
@every_group
def test_a_group_scale_multiplies_that_group_alone(scheme, group):
    plain = settings(scheme=scheme, variance_scale=0.7)
    scaled = settings(scheme=scheme, variance_scale=0.7, **{f"{group}_scale": 5.0})
    groups = {m.name: m.group for m in model_of(plain).matrices()}
    for name, weight in weights_of(plain).items():
        if groups[name] == group:
            np.testing.assert_allclose(weights_of(scaled)[name], math.sqrt(5) * weight, rtol=3e-7)
        else:
            np.testing.assert_array_equal(weights_of(scaled)[name], weight)


@every_pair_of_schemes
def test_sorting_the_weights_of_one_arm_sorts_those_of_the_other(a, b):
    ours, theirs = weights_of(settings(scheme=a)), weights_of(settings(scheme=b, variance_scale=0.2))
    for name in ours:
        one, other = ours[name].ravel(), theirs[name].ravel()
        order = np.lexsort((other, one))  # by `one`; where it has a tie, by `other`
        assert (np.diff(other[order]) >= 0).all(), name
        assert np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1] > 0.999999


@every_pair_of_schemes
def test_arms_differ_in_their_matrices_only(a, b):
    one, other = model_of(settings(scheme=a)), model_of(settings(scheme=b))
    mine, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    for name in mine:
        assert torch.equal(mine[name], theirs[name]) == (mine[name].ndim != 2), name


@every_scheme
def test_a_change_of_depth_moves_no_other_part(scheme):
    shallow, deep = (model_of(settings(scheme=scheme, depth=depth)).state_dict() for depth in (2, 5))
    assert {"embed.weight", "head.weight", "class_token", "position", "blocks.0.attention.qkv.weight"} < set(shallow)
    for name, value in shallow.items():
        assert torch.equal(value, deep[name]), name


def test_a_change_of_the_mlp_moves_no_other_part():
    one, other = weights_of(settings(mlp_ratio=2.0)), weights_of(settings(mlp_ratio=3.0))
    for name in one:
        assert (".mlp." in name) != np.array_equal(one[name], other[name]), name


@every_scheme
def test_a_change_of_seed_moves_every_draw(scheme):
    one, other = (dict(model_of(settings(scheme=scheme, seed=seed)).named_parameters()) for seed in (0, 1))
    drawn = [name for name in one if one[name].ndim >= 2]
    assert {"class_token", "position", "embed.weight", "head.weight"} < set(drawn)
    assert not any(torch.equal(one[name], other[name]) for name in drawn)
    for name, weight in weights_of(settings(scheme=scheme, seed=0)).items():
        other_weight = weights_of(settings(scheme=scheme, seed=1))[name]
        correlation = np.corrcoef(weight.ravel(), other_weight.ravel())[0, 1]
        assert abs(correlation) < 5 / math.sqrt(weight.size), name


def test_no_two_matrices_hold_the_same_draw():
    weights = weights_of(settings(depth=3))
    assert {f"blocks.2.attention.{part}" for part in ("q", "k", "v", "out")} < set(weights)
    for one, other in itertools.combinations(weights.values(), 2):
        if one.shape == other.shape:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 6 / math.sqrt(one.size)


@pytest.mark.parametrize("pool", ["cls", "mean"])
@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("final_norm", [True, False])
def test_every_parameter_is_initialised(pool, position, bias, final_norm):
    config = settings(pool=pool, position=position, qkv_bias=bias, out_bias=bias, final_norm=final_norm)
    model = VisionTransformer(config.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    initialise(model, config.init, config.seed)
    built = build_model(config).state_dict()
    for name, value in model.state_dict().items():
        assert value.isfinite().all(), name
        assert torch.equal(value, built[name]), name


def test_every_matrix_of_the_model_belongs_to_a_group():
    model = model_of(settings())
    in_groups = sum(m.weight.numel() for m in model.matrices())
    assert in_groups == sum(p.numel() for p in model.parameters() if p.ndim == 2)
    assert {m.group for m in model.matrices()} == set(GROUPS)


@pytest.mark.parametrize(
    ("name", "value"), [("bias", 0.0), ("norm_attention.weight", 1.0), ("norm_mlp.weight", 1.0), ("norm.weight", 1.0)]
)
def test_biases_start_at_zero_and_gains_at_one(name, value):
    found = [p for path, p in model_of(settings()).named_parameters() if path.endswith(name)]
    assert found and all((parameter == value).all() for parameter in found)


def test_class_token_and_positions_are_truncated_normal_of_std_0_02():
    model = model_of(settings(dim=128))
    tokens = torch.cat([model.class_token.flatten(), model.position.flatten()]).detach().double().numpy() / 0.02
    assert abs(tokens).max() <= 2 + 1e-6
    assert stats.kstest(tokens, TRUNCATED.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("distribution", "theirs"), [("uniform", TABLE["xavier"][0]), ("normal", stats.norm), ("truncated", TRUNCATED)]
)
def test_quantiles_are_those_of_scipy(distribution, theirs):
    u = np.concatenate([[2.0**-54, 1e-9, 1 - 2.0**-53], np.linspace(0.001, 0.999, 999)])
    ours = quantile(torch.from_numpy(u), distribution).numpy()
    np.testing.assert_allclose(ours, theirs.ppf(u), rtol=1e-9, atol=1e-9)


def test_uniforms_lie_in_the_open_interval_and_follow_seed_and_name():
    u = uniforms(torch.Size([1000, 100]), 0, "embed")
    assert u.dtype == torch.float64 and u.min() > 0 and u.max() < 1
    assert stats.kstest(u.flatten(), "uniform").pvalue > 1e-3
    assert torch.equal(u, uniforms(u.shape, 0, "embed"))
    assert not torch.equal(u, uniforms(u.shape, 0, "head"))


def test_a_draw_of_zero_still_gives_a_finite_weight(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape, dtype=torch.float64))
    u = uniforms(torch.Size([4]), 0, "embed")
    assert all(quantile(u, distribution).isfinite().all() for distribution in ("uniform", "normal", "truncated"))
