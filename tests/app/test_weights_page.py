"""The Weights page shows every probe of a real run, at the step that is picked, and puts up with odd runs."""

import json
import math

import pytest
from controls import chart_rows
from every_kind import PAIRS
from places import TRAIN, WEIGHTS
from tiny import pair, tiny, tiny_clips, tiny_data

from vit_lab import paths
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.trainer import train
from vit_lab.ui.figures.rows import histogram_rows, placed, probe_table
from vit_lab.ui.train import preflight

STEPS = ["0", "1", "2", "3", "4", "latest"]


@pytest.fixture
def trained(home):
    """A store with a pair that was really trained, for four steps."""
    store = Store(paths.database())
    configs = [tiny(scheme=scheme, steps=4, depth=2) for scheme in ("linear-default", "xavier")]
    for run_id, config in zip(store.add(pair(configs, "real")), configs, strict=True):
        store.append(run_id, [(event.step / 10, event) for event in train(config, tiny_data(config))], 1.0, 100.0)
        store.end(run_id, Status.FINISHED)
    yield store
    store.close()


def test_an_empty_home_is_said_in_words(open_page):
    at = open_page(WEIGHTS)
    assert not at.exception and "No runs yet" in at.info[0].value


def test_all_charts_are_drawn_for_a_real_pair(open_page, trained):
    at = open_page(WEIGHTS)
    assert not at.exception and not at.error
    assert len(at.get("vega_lite_chart")) == 14, "two ridgelines, four maps, eight by layer, head or depth"
    assert [str(option) for option in at.select_slider(key="step").options] == STEPS
    assert any("Showing step 2." in caption.value for caption in at.caption), "the middle: the end shows no update"


def test_a_gradient_of_exactly_zero_has_the_darkest_colour_and_breaks_no_logarithm(open_page, home):
    store = Store(paths.database())
    config = tiny_clips(steps=4)
    [run_id] = store.add(pair([config], "clips"))
    store.append(run_id, [(event.step / 10, event) for event in train(config, tiny_data(config))], 1.0, 100.0)
    store.end(run_id, Status.FINISHED)
    store.close()
    rows = chart_rows(open_page(WEIGHTS), "Gradient norm")
    smallest = rows.loc[rows["value"] > 0, "value"].min()
    still = rows[rows["value"] == 0]
    assert set(still["layer"]) == {"1 time.qk", "2 time.qk"}, "behind a projection that starts at 0"
    assert (still["shade"] == smallest).all() and (rows["shade"] > 0).all()
    assert (rows["shade"] == rows["value"])[rows["value"] > 0].all()


@pytest.mark.parametrize("step", ["0", "2"])
def test_the_scrubber_moves_what_is_shown(open_page, trained, step):
    at = open_page(WEIGHTS)
    at.select_slider(key="step").set_value(int(step)).run()
    assert not at.exception and any(f"Showing step {step}." in caption.value for caption in at.caption)


def test_the_ridges_may_be_laid_over_one_another_and_stretched(open_page, trained):
    at = open_page(WEIGHTS)
    at.toggle(key="overlay").set_value(True).run()
    at.toggle(key="symlog").set_value(True).run()
    assert not at.exception and len(at.get("vega_lite_chart")) == 13
    at.selectbox(key="layer").set_value("2.mlp").run()
    assert not at.exception


@pytest.mark.parametrize("symlog", [True, False])
def test_every_ridge_holds_all_weights_and_all_arms_share_the_bins(trained, symlog):
    rows = histogram_rows(trained, trained.runs(experiment="real"), "1.qk", symlog=symlog)
    assert rows.groupby(["arm", "step"])["share"].sum().tolist() == pytest.approx([1.0] * 10, abs=1e-6)
    bins = rows.groupby(["arm", "step"])["weight"].agg(tuple)
    assert len(set(bins)) == 1


def test_probes_are_placed_by_layer_depth_or_head(trained):
    table = probe_table(trained, trained.runs(experiment="real"))
    now = table[table["step"] == 4]
    layers = placed(now[(now["measure"] == "weight_std") & (now["arm"] == "A")])["layer"]
    assert list(layers) == ["embed", "1.qk", "1.vo", "1.mlp", "2.qk", "2.vo", "2.mlp", "head"]
    assert set(placed(now[now["measure"] == "activation_rms"])["depth"]) == {"start", "1", "2"}
    heads = placed(now[now["measure"] == "attention_entropy"])
    assert set(zip(heads["block"], heads["head"], strict=True)) == {("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")}


@pytest.mark.parametrize("experiment", PAIRS)
def test_runs_in_any_state_can_be_looked_at(open_page, every_kind, experiment):
    at = open_page(WEIGHTS, experiment=experiment)
    assert not at.exception


def test_a_run_with_an_unreadable_config_is_left_out(open_page, every_kind):
    every_kind.make_unreadable(Status.FINISHED)
    assert not open_page(WEIGHTS).exception


def test_preflight_says_how_each_arm_starts(open_page):
    at = open_page(TRAIN, a_variance_scale="0.001", b_variance_scale="100")
    words = [markdown.value for markdown in at.markdown]
    assert any("badge[A]" in text and "blocks are silent" in text for text in words)
    assert any("badge[B]" in text and "attention saturates" in text for text in words)


def test_every_finding_has_a_meaning(monkeypatch):
    from vit_lab.probes.gauge import Start, gauge

    starts = Start(0.0, 1e9, 0.0, 1e9, 10), Start(1.0, 1.0, 1.0, math.nan, 10)
    assert {finding for start in starts for finding in gauge(start)} == set(preflight.MEANINGS)


def test_a_page_never_sees_a_number_that_json_does_not_know(trained):
    for run in trained.runs():
        for event in trained.events(run.id, "probed"):
            json.dumps(event, allow_nan=False)
