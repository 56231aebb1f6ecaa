"""Preflight says what a run will measure at step 0, and its gauge tells healthy starts from the others."""

import math
import pickle

import pytest
import torch
from tiny import tiny

from vit_lab.data.splits import load_run_data
from vit_lab.events import Probed
from vit_lab.probes.gauge import Start, gauge
from vit_lab.probes.preflight import preflight
from vit_lab.settings import configure
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.trainer import train

HEALTHY = Start(block_share=0.6, growth=1.2, entropy=0.98, loss=2.4, num_classes=10)


@pytest.fixture(scope="module")
def batch():
    return load_run_data(configure()).probed(64)


@pytest.mark.parametrize("scheme", ["linear-default", "xavier", "kaiming", "vit"])
def test_the_schemes_people_use_read_healthy(scheme, batch):
    assert preflight(configure(scheme=scheme), batch).findings == []


@pytest.mark.parametrize("depth", [2, 4, 12])
@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
@pytest.mark.parametrize("scheme", ["linear-default", "xavier", "kaiming"])
def test_extreme_variances_never_read_healthy(scheme, position, depth, batch):
    small = preflight(configure(scheme=scheme, position=position, depth=depth, variance_scale=0.001), batch)
    large = preflight(configure(scheme=scheme, position=position, depth=depth, variance_scale=100), batch)
    assert "blocks are silent" in small.findings
    assert "attention saturates" in large.findings


@pytest.mark.parametrize(
    ("field", "value", "finding"),
    [
        ("block_share", 0.024, "blocks are silent"),
        ("entropy", 0.39, "attention saturates"),
        ("growth", 5.1, "signal explodes"),
        ("loss", math.log(10) + 1.51, "overconfident start"),
    ],
)
def test_each_threshold_has_one_finding(field, value, finding):
    assert gauge(HEALTHY) == []
    assert gauge(Start(**{**vars(HEALTHY), field: value})) == [finding]


def test_a_start_that_is_not_a_number_is_not_healthy():
    assert gauge(Start(**{**vars(HEALTHY), "loss": math.nan}))


@pytest.mark.parametrize("scheme", ["linear-default", "xavier", "kaiming", "vit", "normal"])
def test_what_is_drawn_is_what_was_promised(scheme, batch):
    look = preflight(configure(scheme=scheme), batch)
    rows = {(measure, str(place)): value for measure, place, value in look.rows}
    for group in ("embed", "qk", "vo", "mlp", "head"):
        assert rows["weight_std", group] == pytest.approx(rows["expected_std", group], rel=0.06)


def test_a_run_measures_at_step_0_what_preflight_showed():
    config = tiny(depth=2)
    data = load_run_data(config)
    batch = data.probed(PROBE_IMAGES)
    looked = {(measure, place): value for measure, place, value in preflight(config, batch).rows}
    probed = next(event for event in train(config, data) if isinstance(event, Probed))
    measured = {(measure, place): value for measure, place, value in probed.rows}
    assert probed.step == 0 and set(measured) < set(looked)
    assert measured == {key: looked[key] for key in measured}


def test_preflight_draws_nothing_from_the_global_generator(batch):
    torch.manual_seed(1)
    first = preflight(tiny(), batch)
    torch.manual_seed(2)
    assert preflight(tiny(), batch) == first


def test_what_preflight_says_can_be_kept_for_all_sessions(batch):
    looked = preflight(tiny(), batch)
    assert pickle.loads(pickle.dumps(looked)) == looked
