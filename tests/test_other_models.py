"""The Transformer and the TimeSformer as the ViT: one init study, one trainer, one store, one set of probes."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences
from waiting import ended

from vit_lab import paths
from vit_lab.config import GROUPS, InitConfig
from vit_lab.data.run_data import Split
from vit_lab.data.splits import load_run_data
from vit_lab.events import Evaluated, Finished, Probed, Started, StepMeasured
from vit_lab.init.build import build_model, initialise
from vit_lab.init.residual import rule_of
from vit_lab.init.schemes import ELEMENTWISE, expected_variance
from vit_lab.init.schemes import SCHEMES as TABLE
from vit_lab.places import Place
from vit_lab.presets import preset
from vit_lab.probes.preflight import preflight
from vit_lab.probes.trace import trace
from vit_lab.probes.weights import layers
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan, new_experiment
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure, parse
from vit_lab.training.evaluate import evaluate
from vit_lab.training.trainer import train
from vit_lab.ui.figures.rows import by_place, placed

STARTS = {
    "sequences": tiny_sequences(),
    "clips in space": tiny_clips(space_time="space"),
    "clips jointly": tiny_clips(space_time="joint"),
    "clips divided": tiny_clips(),
    "clips divided, none at zero": tiny_clips(zero_temporal=False, position="learned"),
}
every_model = pytest.mark.parametrize("config", STARTS.values(), ids=STARTS.keys())
every_scheme = pytest.mark.parametrize("scheme", ELEMENTWISE)
BOUNDED = {"uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)), "normal": stats.norm()}
BOUNDED["truncated"] = stats.truncnorm(-2, 2, scale=1 / stats.truncnorm(-2, 2).std())


def wide(config, **settings):
    """The same model with matrices large enough to measure a variance."""
    more = {"vocabulary": 300} if config.model.kind == "transformer" else {}
    return configure(config, dim=64, heads=4, **more, **settings)


# Init


@every_model
@every_scheme
def test_every_matrix_has_the_variance_and_shape_of_its_scheme(config, scheme):
    config = wide(config, scheme=scheme, variance_scale=0.5, qk_scale=2.0, embed_scale=3.0, head_scale=0.1, seed=5)
    distribution = BOUNDED[TABLE[scheme].distribution]
    excess = float(distribution.stats("k"))
    standardised = []
    rule = rule_of(config.model, config.init)
    for matrix in build_model(config).matrices():
        weights = matrix.weight.detach().double().numpy().ravel()
        if rule(matrix.place) == 0:
            assert config.model.zero_temporal and not weights.any()
            continue
        variance = expected_variance(config.init, matrix.place, *matrix.fans, blocks=config.model.depth)
        assert abs(weights.mean()) < 5 * math.sqrt(variance / weights.size), matrix.name
        assert abs(weights.var() / variance - 1) < 5 * math.sqrt((excess + 2) / weights.size), matrix.name
        standardised.append(weights / math.sqrt(variance))
    assert stats.kstest(np.concatenate(standardised), distribution.cdf).pvalue > 1e-3


@every_model
def test_every_matrix_belongs_to_one_group_and_no_two_hold_the_same_draw(config):
    model = build_model(wide(config))
    found, rule = list(model.matrices()), rule_of(config.model, config.init)
    assert sum(m.weight.numel() for m in found) == sum(p.numel() for p in model.parameters() if p.ndim == 2)
    assert {m.group for m in found} == set(GROUPS) and len({m.name for m in found}) == len(found)
    drawn = [m.weight.detach().ravel().double().numpy() for m in found if rule(m.place)]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            if one.size == other.size:
                assert abs(np.corrcoef(one, other)[0, 1]) < 6 / math.sqrt(one.size)


@pytest.mark.parametrize(
    ("config", "block"),
    [
        (tiny_clips(), ["2 time.qk", "2 time.vo", "2.qk", "2.vo", "2.mlp"]),
        (tiny_sequences(), ["dec 2.qk", "dec 2.vo", "dec 2 cross.qk", "dec 2 cross.vo", "dec 2.mlp"]),
    ],
)
def test_layers_are_told_in_the_order_in_which_data_meets_them(config, block):
    told = [str(layer) for layer in layers(build_model(config))]
    assert told[0] == "embed" and told[-6:] == [*block, "head"]


@every_model
def test_every_parameter_is_initialised(config):
    model, built = build_model(config), build_model(config).state_dict()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    initialise(model, config.init, config.seed)
    assert all(torch.equal(value, built[name]) and value.isfinite().all() for name, value in model.state_dict().items())


@every_model
def test_the_arms_of_a_pair_start_from_one_draw(config):
    small, large = (build_model(configure(config, scheme=scheme)) for scheme in ("linear-default", "xavier"))
    for one, other in zip(small.matrices(), large.matrices(), strict=True):
        fan_in, fan_out = one.fans
        factor = math.sqrt(2 / (fan_in + fan_out) * 3 * fan_in)
        torch.testing.assert_close(other.weight, factor * one.weight, rtol=3e-6, atol=1e-9)


def test_a_table_of_symbols_counts_as_a_layer_that_reads_one_hot_vectors():
    model = build_model(tiny_sequences(vocabulary=7))
    embed = next(m for m in model.matrices() if m.name == "source_embed")
    assert embed.fans == (7, 8) and embed.weight.data_ptr() == model.source_embed.weight.data_ptr()
    one_hot = torch.nn.functional.one_hot(torch.tensor([3]), 7).float()
    assert torch.equal(one_hot @ embed.weight.T, model.source_embed(torch.tensor([3])))


def test_the_projection_after_time_is_one_of_vo_unless_it_starts_at_zero():
    for zero in (True, False):
        model = build_model(tiny_clips(zero_temporal=zero))
        found = {m.name: m for m in model.matrices()}
        project = found["blocks.1.project"]
        assert (project.group, str(project.place.layer)) == ("vo", "2 time.vo")
        assert rule_of(model.config, InitConfig())(project.place) == (0 if zero else 1)
        assert bool((project.weight == 0).all()) == zero
        assert all(weights.std() > 0 for weights in layers(model).values()), "a layer is never all at zero"


# Layers as the pages name them


def test_layers_tell_encoder_from_decoder_and_space_from_time():
    parts = {str(layer) for layer in layers(build_model(tiny_sequences()))}
    assert parts == {"embed", "head"} | {
        f"{block}.{group}"
        for block in ("enc 1", "enc 2", "dec 1", "dec 2", "dec 1 cross", "dec 2 cross")
        for group in ("qk", "vo", "mlp")
        if group != "mlp" or "cross" not in block
    }
    assert {"1.qk", "1 time.qk", "2 time.vo", "2.mlp"} < {str(layer) for layer in layers(build_model(tiny_clips()))}


@every_model
def test_the_weights_page_can_place_every_row(config):
    rows = [row for event in train(config, tiny_data(config)) if isinstance(event, Probed) for row in event.rows]
    frame = by_place(rows)
    depth = config.model.depth
    for measure, some in frame.groupby("measure"):
        where = placed(some)
        assert len(where)
        if measure in ("activation_rms", "token_similarity", "effective_rank"):
            assert set(where["depth"]) == {"start", *(str(n + 1) for n in range(depth))}
        elif measure in ("attention_entropy", "max_attention_logit"):
            assert set(where["block"]) == {str(n + 1) for n in range(depth)} and set(where["head"]) == {"1", "2"}
        else:
            assert set(where["layer"]) == {str(layer) for layer in layers(build_model(config))}, measure
    assert np.isfinite(frame[~frame["measure"].eq("update_ratio")]["value"]).all()


# Probes


@every_model
@torch.no_grad()
def test_the_trace_follows_the_models_own_forward_pass(config):
    model, batch = build_model(config), load_run_data(config).validation.inputs[:3]
    passed = trace(model, batch)
    end = passed.tokens[-1]
    if config.model.kind == "transformer":
        torch.testing.assert_close(model.norm_encoder(end), model.encode(batch[:, 0]))
    else:
        torch.testing.assert_close(model.classify(end), model(batch))
    assert len(passed.heads) == len(passed.tokens) - 1 == config.model.depth


@every_model
def test_preflight_looks_at_every_model_before_its_first_step(config):
    data = load_run_data(config)
    look = preflight(config, Split(data.validation.inputs[:16], data.validation.labels[:16]))
    assert look.start.num_classes == config.model.num_classes and math.isfinite(look.start.loss)
    assert {place for measure, place, _ in look.rows if measure == "expected_std"} == {
        Place(group=group) for group in GROUPS
    }
    expected = {place: value for measure, place, value in look.rows if measure == "expected_std"}
    measured = {place: value for measure, place, value in look.rows if measure == "weight_std"}
    head = Place(group="head")
    assert measured[head] == pytest.approx(expected[head], rel=0.5)


# Training


@every_model
def test_a_run_says_what_a_run_of_a_vit_says(config):
    events, vit = (list(train(c, tiny_data(c))) for c in (config, tiny(train_size=50)))
    assert {type(event) for event in events} == {type(event) for event in vit}
    started, finished = events[0], events[-1]
    assert isinstance(started, Started) and started.parameters == sum(
        p.numel() for p in build_model(config).parameters()
    )
    assert isinstance(finished, Finished) and 0 <= finished.test_accuracy <= 1


def test_accuracy_and_loss_of_sequences_are_means_over_symbols():
    config = tiny_sequences()
    model, split = build_model(config), tiny_data(config).validation
    logits = model(split.inputs).detach()
    loss, accuracy = evaluate(model, split, at_once=7)
    assert accuracy == pytest.approx(float((logits.argmax(dim=-1) == split.labels).float().mean()))
    log_p = logits.log_softmax(dim=-1).gather(-1, split.labels[..., None])
    assert loss == pytest.approx(-float(log_p.mean()), rel=1e-5)
    events = list(train(config, tiny_data(config)))
    first = next(event for event in events if isinstance(event, StepMeasured))
    inputs, labels = next(iter(tiny_data(config).train.batches(16, 0, 0)))
    logits = model(inputs).detach()
    assert first.accuracy == pytest.approx(float((logits.argmax(dim=-1) == labels).float().mean()))
    assert first.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits.mT, labels)), rel=1e-5)


@every_model
def test_the_manager_trains_it_and_the_store_keeps_it(config):
    store = Store(paths.database())
    manager = RunManager(store, workers=1)
    try:
        [run_id] = manager.submit(Plan([config], [0]).runs(new_experiment()))
        run = ended(store, run_id)
        assert (run.status, run.error) == (Status.FINISHED, None)
        assert run.config == configure(config, seed=0) == parse(run.config.model_dump_json())
        assert run.test_accuracy is not None and run.step == 10
    finally:
        manager.shutdown()
        store.close()


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        ("copy", {"vocabulary": 4, "sequence_length": 3, "steps": 120, "warmup_steps": 30}, 0.95),
        ("moving-digits", {"num_frames": 3, "patch_size": 14, "depth": 1, "steps": 120}, 0.75),
    ],
)
def test_a_smaller_cousin_of_the_preset_learns(name, settings, wanted):
    config = configure(preset(name), **settings)
    accuracies = [event.accuracy for event in train(config, load_run_data(config)) if isinstance(event, Evaluated)]
    assert accuracies[-1] > wanted, accuracies
