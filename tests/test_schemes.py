"""A scheme is one entry: what it draws, together or with a look at data, is what `build_model` builds."""

import math

import pytest
import torch
from scipy import stats
from tiny import tiny, tiny_clips, tiny_sequences
from torch import nn

from vit_lab import config as settings_of_a_run
from vit_lab.config import InitConfig
from vit_lab.data.splits import load_run_data
from vit_lab.events import Probed
from vit_lab.init import build
from vit_lab.init.build import build_model, initialise, unfilled
from vit_lab.init.residual import plain, rule_of, zero_over_time
from vit_lab.init.scheme import Scheme
from vit_lab.init.schemes import SCHEMES, expected_variance
from vit_lab.models.record import Recorder
from vit_lab.places import Place
from vit_lab.probes.preflight import expected_std, preflight
from vit_lab.probes.saturation import by_qk_scale
from vit_lab.settings import configure
from vit_lab.spelling import arm_label, json_label, parse_arm
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.cost import step_milliseconds
from vit_lab.training.glances import model_of
from vit_lab.training.looks import Weights
from vit_lab.training.trainer import train

MODELS = {"vit": tiny(dim=16), "clips": tiny_clips(), "sequences": tiny_sequences()}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())


def test_every_name_that_a_config_may_hold_has_an_entry():
    assert tuple(SCHEMES) == settings_of_a_run.SCHEMES
    assert all(s.summary and s.source and s.latex and s.made_for for s in SCHEMES.values())


# Schemes that are not elementwise, made up here


class Orthogonal(Scheme):
    """Q of the QR decomposition of Z, for each projection by itself (Saxe et al. 2014)."""

    summary = source = "Saxe et al. 2014"

    def draw(self, given):
        for matrix in given.matrices:
            z = given.normals(matrix)
            q, r = torch.linalg.qr(z if z.shape[0] >= z.shape[1] else z.T)
            q = q * r.diagonal().sign() * math.sqrt(given.init.scale(matrix.group))
            yield matrix, q if z.shape[0] >= z.shape[1] else q.T


class UnitValues(Orthogonal):
    """As above; then the values of each block are made to have a std of 1 on one batch, block after block."""

    needs_data = True

    def settle(self, given):
        for matrix in given.matrices:
            if matrix.place.projection == "v" and matrix.place.part == "attention":
                record = Recorder()
                given.model(given.batch, record=record)
                matrix.weight.div_(values_of(record, matrix.place).std())


class UnitSpread(Orthogonal):
    """As above; then every matrix is divided by the std of its weights, but for what the residual rule holds back."""

    def settle(self, given):
        for matrix in given.matrices:
            if given.factor(matrix):
                matrix.weight.mul_(given.factor(matrix) / matrix.weight.std())


def values_of(record, place):
    return record[Place(stack=place.stack, block=place.block, part=place.part)]["v"]


@every_model
def test_a_parameter_that_nothing_starts_is_told_by_its_name(config):
    model = unfilled(config.model)
    model.blocks[0].temperature = nn.Parameter(torch.empty(3))
    with pytest.raises(ValueError, match=r"nothing says how \w+\.0\.temperature starts"):
        initialise(model, config.init, config.seed)


def of_scheme(config, name, **init):
    """The config with a scheme that no config could name yet."""
    return config.model_copy(update={"init": InitConfig.model_construct(scheme=name, **init)})


@every_model
def test_a_structured_scheme_is_one_entry(config, monkeypatch):
    monkeypatch.setitem(SCHEMES, "of-z", Orthogonal())
    model = build_model(of_scheme(config, "of-z", vo_scale=4.0))
    rule = rule_of(config.model, config.init)
    for matrix in model.matrices():
        weight = matrix.weight.detach()
        narrow = weight if weight.shape[0] <= weight.shape[1] else weight.T
        gain = (4.0 if matrix.group == "vo" else 1.0) * rule(matrix.place)
        torch.testing.assert_close(narrow @ narrow.T, gain * torch.eye(len(narrow)), rtol=0, atol=1e-5)
    assert {matrix.num_heads for matrix in model.matrices() if matrix.group == "qk"} == {config.model.heads}


def test_without_a_formula_nothing_is_promised(monkeypatch):
    monkeypatch.setitem(SCHEMES, "of-z", Orthogonal())
    config = of_scheme(tiny(), "of-z")
    assert math.isnan(expected_variance(config.init, Place(group="mlp"), 3, 4))
    assert all(math.isnan(std) for std in expected_std(build_model(config), config).values())


def test_a_scheme_that_looks_at_data_is_one_entry(monkeypatch):
    monkeypatch.setitem(SCHEMES, "unit-values", UnitValues())
    config, images = of_scheme(tiny(), "unit-values"), torch.randn(6, 1, 28, 28, generator=torch.Generator())
    record = Recorder()
    build_model(config, images)(images, record=record)
    for block in (1, 2):
        spread = float(values_of(record, Place(block=block, part="attention")).detach().std())
        assert spread == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="unit-values looks at data"):
        build_model(config)


@every_model
def test_a_run_its_preflight_and_a_lesson_start_from_one_look_at_the_data(config, monkeypatch):
    monkeypatch.setitem(SCHEMES, "xavier", UnitValues())
    config = configure(config, scheme="xavier", biases="zero")
    data = load_run_data(config)
    started = dict(train(config, data).model.named_parameters())
    probed = data.probed(PROBE_IMAGES)
    settled = dict(build_model(config, probed.inputs).named_parameters())
    lesson = dict(model_of(config, Weights(0)).named_parameters())
    assert all(
        torch.equal(value, settled[name]) and torch.equal(value, lesson[name]) for name, value in started.items()
    )
    stds = {place: value for measure, place, value in preflight(config, probed).rows if measure == "weight_std"}
    own = {place: value for measure, place, value in first_probe(config, data) if measure == "weight_std"}
    assert stds == own


def first_probe(config, data):
    return next(event.rows for event in train(config, data) if isinstance(event, Probed))


def test_whoever_else_builds_a_model_gives_it_a_batch(monkeypatch):
    monkeypatch.setitem(SCHEMES, "xavier", UnitValues())
    config = tiny(scheme="xavier")
    assert list(by_qk_scale(config, load_run_data(config).probed(8).inputs, [1.0, 4.0]))
    assert all(ms > 0 for ms in step_milliseconds([tiny_clips(scheme="xavier")], repeats=1))


def test_a_setting_of_one_scheme_reaches_its_formula_its_arm_and_its_name():
    init = InitConfig(scheme="gamma", gamma=1.0)
    config = tiny(dim=64)
    model = build_model(config.model_copy(update={"init": init}))
    for matrix in model.matrices():
        fan_in = matrix.fans[0]
        assert expected_variance(init, matrix.place, *matrix.fans) == pytest.approx(fan_in**-2)
        assert float(matrix.weight.detach().std()) == pytest.approx(1 / fan_in, rel=0.2)
    arm = parse_arm("gamma,gamma=1.0")
    assert configure(tiny(qk_scale=2, residual="zero"), **arm).init == InitConfig(scheme="gamma", qk_scale=2, gamma=1.0)
    assert (arm_label(init), json_label(init)) == ("gamma (gamma 1.0)", "gamma (gamma 1.0)")


# Residual rules


def test_unless_asked_for_only_a_divided_timesformer_holds_a_branch_back():
    rules = [rule_of(c.model, c.init) for c in (tiny_clips(), tiny_clips(zero_temporal=False), tiny())]
    assert rules == [zero_over_time, plain, plain]


def by_depth(model, init):
    """As a setting of the init could ask for: of large arms, the end of a branch of block l divided by sqrt(2 l)."""
    assert model.depth == 2
    scales = init.variance_scale > 1
    return lambda place: (2 * place.block) ** -0.5 if scales and place.ends_branch else 1.0


def test_a_rule_is_a_factor_on_the_end_of_every_branch_and_on_its_bias(monkeypatch):
    """Divided by sqrt(2 l) in block l, as timm does."""
    config = tiny(biases="scheme", variance_scale=4)
    as_drawn = {matrix.name: matrix for matrix in build_model(config).matrices()}
    monkeypatch.setattr(build, "rule_of", by_depth)
    for matrix in build_model(config).matrices():
        factor = {"blocks.0": 2**-0.5, "blocks.1": 0.5}.get(matrix.name[:8], 1.0) if matrix.place.ends_branch else 1.0
        drawn = as_drawn[matrix.name]
        torch.testing.assert_close(matrix.weight, factor * drawn.weight, rtol=1e-6, atol=0)
        torch.testing.assert_close(matrix.bias, factor * drawn.bias, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("config", "rule"), [(tiny_clips(), rule_of), (tiny(variance_scale=4), None)], ids=["over time", "by depth"]
)
def test_what_settles_a_start_knows_what_the_rule_holds_back(config, rule, monkeypatch):
    monkeypatch.setitem(SCHEMES, "unit-spread", UnitSpread())
    monkeypatch.setattr(build, "rule_of", rule or by_depth)
    config = of_scheme(config, "unit-spread", variance_scale=4.0)
    factor = (rule or by_depth)(config.model, config.init)
    for matrix in build_model(config).matrices():
        std = 0 if not matrix.weight.any() else float(matrix.weight.detach().std())
        assert std == pytest.approx(factor(matrix.place), rel=1e-5)


# Biases


@every_model
def test_biases_of_the_scheme_change_no_other_draw(config):
    zero, drawn = build_model(config), build_model(configure(config, biases="scheme"))
    theirs, biases = (
        dict(drawn.named_parameters()),
        {matrix.name for matrix in drawn.matrices() if matrix.bias is not None},
    )
    assert biases
    for name, value in zero.named_parameters():
        if not name.endswith("bias"):
            assert torch.equal(value, theirs[name]), name
    for name, value in theirs.items():
        if "norm" in name and name.endswith("bias"):
            assert not value.any(), name


@every_model
def test_every_bias_of_a_matrix_is_drawn_and_no_two_alike(config):
    model = build_model(configure(config, biases="scheme"))
    rule = rule_of(config.model, config.init)
    drawn = [m.bias.detach() for m in model.matrices() if m.bias is not None and rule(m.place)]
    assert all((bias != 0).all() for bias in drawn)
    for i, one in enumerate(drawn):
        assert not any(one.shape == other.shape and torch.equal(one, other) for other in drawn[:i])


def test_biases_of_linear_default_are_those_of_nn_linear():
    config = configure(dim=64, scheme="linear-default", biases="scheme")
    for matrix in build_model(config).matrices():
        bound = matrix.fans[0] ** -0.5
        bias = matrix.bias.detach().double().numpy()
        assert abs(bias).max() <= bound * (1 + 1e-6) and stats.kstest(bias / bound, "uniform", (-1, 2)).pvalue > 1e-4
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = nn.Linear(64, 4096).bias.detach()
    ours = [m.bias.detach() for m in build_model(config).matrices() if m.fans[0] == 64]
    assert stats.ks_2samp(torch.cat(ours).numpy(), theirs.numpy()).pvalue > 1e-3


def test_the_bias_of_a_branch_that_starts_at_zero_starts_at_zero():
    divided = build_model(tiny_clips(biases="scheme"))
    assert not any(block.project.bias.any() or block.project.weight.any() for block in divided.blocks)
    assert all(block.time.out.bias.any() for block in divided.blocks)


def test_biases_follow_the_seed_and_are_the_same_draw_in_every_arm():
    one, other, third = (
        build_model(tiny(biases="scheme", scheme=scheme, seed=seed)).head.bias.detach()
        for scheme, seed in (("linear-default", 0), ("xavier", 0), ("xavier", 1))
    )
    assert torch.equal(one.argsort(), other.argsort()) and not torch.equal(other, third)


# Matrices


@pytest.mark.parametrize(
    ("config", "some"),
    [
        (tiny(), ["embed", "blocks.0.attention.q", "blocks.1.attention.out", "blocks.1.mlp.down", "head"]),
        (tiny_clips(), ["embed", "blocks.0.time.k", "blocks.0.project", "blocks.1.attention.v", "head"]),
        (tiny_sequences(), ["source_embed", "target_embed", "encoder.0.mlp.up", "decoder.1.cross.q", "head"]),
    ],
)
def test_draws_are_named_after_modules_for_other_names_would_be_other_draws(config, some):
    model = build_model(config)
    found = {matrix.name: matrix for matrix in model.matrices()}
    assert set(some) < set(found)
    for name, matrix in found.items():
        path = name.rpartition(".")[0] + ".qkv" if matrix.place.projection in ("q", "k", "v") else name
        assert matrix.parameter is model.get_submodule(path).weight


@every_model
def test_a_matrix_and_its_gradient_are_views_in_one_place(config):
    model = unfilled(config.model)
    initialise(model, config.init, config.seed)
    for matrix in model.matrices():
        assert not matrix.gradient.any()
        with torch.no_grad():
            matrix.weight.fill_(1)
        assert (matrix.weight == 1).all() and matrix.gradient.shape == matrix.weight.shape
    assert all((p == 1).all() for p in model.parameters() if p.ndim == 2)
