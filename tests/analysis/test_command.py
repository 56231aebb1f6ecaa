"""The command in a report repeats the experiment, setting by setting, or is not given."""

import shlex

import pytest
from tiny import tiny
from typer.testing import CliRunner

from vit_lab import paths
from vit_lab.analysis.command import command
from vit_lab.cli import training
from vit_lab.cli.app import app
from vit_lab.runs.designs import claim, comparison, sweep
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.store import Store
from vit_lab.settings import configure

BASE = tiny(normalise=False, learning_rate=0.005, final_norm=False)
GRID = ["norm=pre,post", "depth=1,3", "train_size=20,all"]
PLANS = {
    "compare": comparison(tiny(seed=3), ["xavier", "normal:0.05"], 2),
    "fair": comparison(BASE, ["xavier", "kaiming"], 1, fair_rate=True),
    "sgd": comparison(tiny(optimiser="sgd"), ["xavier", "vit"], 1),
    "sgd at the rate of adamw": comparison(tiny(optimiser="sgd", learning_rate=0.004), ["xavier", "vit"], 1),
    "fair muon": comparison(tiny(optimiser="muon"), ["xavier", "vit"], 1, fair_rate=True),
    "sweep of muon": sweep(tiny(optimiser="muon", learning_rate=0.02), [0.1, 1.0], [20], 1),
    "impulse": comparison(tiny(position="learned"), ["xavier", "impulse:0.5"], 1),
    "sweep": sweep(tiny(scheme="xavier"), [0.1, 1.0], [20, None], 2),
    "claim": claim(BASE, ["mnist-10k", "mnist-10k:0.4"], [20, None], 1),
    "a grid": comparison(BASE, ["xavier", "deepnorm"], 2, variations=GRID),
    "arms of any kind": comparison(BASE, ["xavier,norm=post,qk_scale=2", "vit,qkv_bias=false,clip_norm=none"], 1),
    "a fair grid": comparison(BASE, ["xavier", "vit"], 1, variations=["dataset=mnist-10k,fashion-10k"], fair_rate=True),
    "a sweep under others": sweep(tiny(), [0.1, 1.0], [20, 50], 1, variations=["norm=pre,post"]),
    "a claim under others": claim(BASE, ["mnist-10k"], [20, 50], 1, variations=["depth=1,2"], arms=["vit", "xavier"]),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_command_repeats_the_experiment(plan, monkeypatch):
    store = Store(paths.database())
    store.add(plan.runs("e"), plan.kind)
    words = shlex.split(command(Experiment.read(store, "e")))
    store.close()
    asked = []
    monkeypatch.setattr(training, "_experiment", lambda plan, *_: asked.append(plan))
    result = CliRunner().invoke(app, words[3:], catch_exceptions=False)
    assert (words[:3], result.exit_code) == (["python", "-m", "vit_lab"], 0), result.output
    assert [run.config for run in asked[0].runs("e")] == [run.config for run in plan.runs("e")]


@pytest.mark.parametrize(
    "arms",
    [
        [tiny(clip_norm=None), configure(tiny(clip_norm=None), scheme="xavier")],
    ],
    ids=["an empty setting"],
)
def test_what_options_cannot_say_has_no_command(arms):
    store = Store(paths.database())
    store.add(Plan(arms, [0, 1]).runs("e"))
    assert command(Experiment.read(store, "e")) is None
    store.close()


def test_an_experiment_that_lost_a_run_has_no_command():
    store = Store(paths.database())
    runs = PLANS["claim"].runs("e")
    store.add(runs[:-1], "claim")
    assert command(Experiment.read(store, "e")) is None
    store.close()
