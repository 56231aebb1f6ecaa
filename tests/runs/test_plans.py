"""Experiments are paired and fair: pairs share every draw, and each arm trains with the rate that its pilots picked."""

import itertools
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny import record, tiny
from waiting import wait_for

from vit_lab import paths
from vit_lab.data.splits import load_run_data
from vit_lab.init.build import build_model
from vit_lab.runs.designs import comparison
from vit_lab.runs.errors import StoreError
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan, another_arm, more_seeds, repeated
from vit_lab.runs.rates import PILOT_SEED, Pick, grid_centre, pick_rate, picks, rate_grid, release
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import parse_arm

ARMS = [tiny(scheme=scheme, steps=2) for scheme in ("linear-default", "xavier")]
SIZES = [{"train_size": 20}, {"train_size": 50}]
FAIR = Plan(ARMS, (0, 1), fair_rate=True)
TESTS = Path(__file__).resolve().parents[1]
KILLED = """
import sys, time
sys.path[:0] = sys.argv[1:]
from test_plans import FAIR
from vit_lab import paths
from vit_lab.runs.store import Store
store = Store(paths.database())
store.add(FAIR.runs("e"))
store.queue.take()
print("at work", flush=True)
time.sleep(60)
"""


@pytest.fixture
def manager(store):
    manager = RunManager(store, workers=2)
    yield manager
    manager.shutdown()


def worked_off(store):
    """The runs of the experiment, once none is at work."""
    wait_for(lambda: not any(run.status in ACTIVE for run in store.runs(experiment="e")))
    return store.runs(experiment="e")


def end(store, run, val_accuracy, status=Status.FINISHED):
    store._set(run.id, status=status, val_accuracy=val_accuracy)


def split(runs):
    """The pilots among some runs, and the others."""
    return [run for run in runs if run.pilot], [run for run in runs if not run.pilot]


def rates(runs):
    return [run.config.optim.learning_rate for run in runs]


def pilot(rate, val_accuracy, status=Status.FINISHED):
    return record(tiny(seed=PILOT_SEED, learning_rate=rate), status, pilot=1, val_accuracy=val_accuracy)


# What an experiment consists of


def test_runs_are_ordered_seed_by_seed_with_the_arms_of_a_pair_side_by_side():
    runs = Plan(ARMS, (3, 5), SIZES, kind="claim").runs("e")
    assert [(run.config.seed, run.condition, run.arm) for run in runs] == [*itertools.product((3, 5), (0, 1), (0, 1))]
    assert all(run.config.data.train_size == (20, 50)[run.condition] for run in runs)
    assert all(run.config.init == ARMS[run.arm].init and run.experiment == "e" for run in runs)
    assert {run.status for run in runs} == {Status.QUEUED} and not any(run.pilot for run in runs)


def test_with_fair_rates_pilots_of_every_arm_and_condition_come_first_and_the_others_wait():
    runs = Plan(ARMS, (3, 5), SIZES, fair_rate=True).runs("e")
    tried, proper = split(runs)
    assert runs == tried + proper and (len(tried), len(proper)) == (4 * 4, 8)
    assert {run.status for run in tried} == {Status.QUEUED} and {run.status for run in proper} == {Status.WAITING}
    assert {run.config.seed for run in tried} == {PILOT_SEED}
    for cell in itertools.product((0, 1), (0, 1)):
        assert rates(run for run in tried if (run.arm, run.condition) == cell) == [0.0004, 0.0012, 0.004, 0.012]
    assert len({run.name for run in tried if run.condition == 0}) == 8


def test_the_grid_surrounds_the_rate_that_is_set():
    assert rate_grid(tiny(learning_rate=0.001)) == [0.0001, 0.0003, 0.001, 0.003]


@pytest.mark.parametrize(
    ("settings", "rates", "centre"),
    [
        ({}, [0.0004, 0.0012, 0.004, 0.012], 0.004),
        ({"optimiser": "sgd"}, [0.03, 0.09, 0.3, 0.9], 0.3),
        ({"optimiser": "sgd"}, [0.0012, 0.004, 0.012, 0.04, 0.12], 0.004),
    ],
    ids=["adamw", "sgd", "sgd as it was tried earlier"],
)
def test_the_centre_of_a_grid_is_the_rate_that_was_set(store, settings, rates, centre):
    base = tiny(**settings)
    tried = [
        NewRun(configure(base, seed=PILOT_SEED, learning_rate=rate), "pilot", "e", arm, pilot=True)
        for arm in (0, 1)
        for rate in rates
    ]
    store.add([*tried, *(NewRun(base, "proper", "e", arm) for arm in (0, 1))], "compare")
    experiment = Experiment.read(store, "e")
    assert grid_centre(experiment, (0, 0)) == centre
    assert (rate_grid(configure(base, learning_rate=centre)) == rates) == (len(rates) == 4)
    store.add(another_arm(experiment, parse_arm("vit")), "compare")
    assert grid_centre(Experiment.read(store, "e"), (2, 0)) == centre, "an arm more tries what the others tried"


def test_arms_are_repeated_as_they_were_from_seeds_that_were_not_used():
    arms = [tiny(scheme="xavier", seed=7), tiny(norm="post", seed=7)]
    plan = repeated(Experiment.of(record(config, arm=arm, id=str(arm)) for arm, config in enumerate(arms)), 3)
    found = [(run.arm, run.config) for run in plan.runs("again")]
    assert found == [(arm, configure(arms[arm], seed=seed)) for seed in (8, 9, 10) for arm in (0, 1)]


def test_an_arm_brings_what_its_scheme_needs_unless_it_says_otherwise(store):
    store.add(Plan(ARMS, (0,)).runs("e"), "compare")
    [new] = another_arm(Experiment.read(store, "e"), parse_arm("impulse"))
    assert new.config.model.position == "learned"
    assert [arm.model.position for arm in comparison(tiny(), ["xavier", "impulse"], 1).arms] == [
        "sinusoidal",
        "learned",
    ]
    with pytest.raises(ConfigError, match="position: none does not go with the scheme impulse"):
        comparison(tiny(), ["xavier", "impulse,position=none"], 1)


def test_a_pair_shares_its_quantiles_its_images_and_their_order():
    a, b = (run.config for run in Plan(ARMS, (4,)).runs("e"))
    one, other = load_run_data(a).train, load_run_data(b).train
    assert torch.equal(one.index, other.index) and torch.equal(one.labels, other.labels)
    for mine, theirs in zip(one.batches(16, a.seed, 1), other.batches(16, b.seed, 1), strict=True):
        assert torch.equal(mine[0], theirs[0]) and torch.equal(mine[1], theirs[1])
    small, large = (dict(build_model(config).named_parameters()) for config in (a, b))
    weight = "head.weight"
    ratio = large[weight] / small[weight]
    assert ratio.std() < 1e-4 * ratio.mean() and ratio.mean() > 1, "one draw, scaled"


def test_two_seeds_differ_in_quantiles_and_images():
    first, _, second, _ = (run.config for run in Plan(ARMS, (0, 1)).runs("e"))
    assert not torch.equal(load_run_data(first).train.index, load_run_data(second).train.index)
    assert not torch.equal(build_model(first).head.weight, build_model(second).head.weight)


# Which rate is picked


@pytest.mark.parametrize(
    ("tried", "pick"),
    [
        ([(0.1, 0.5), (0.3, 0.8), (1.0, 0.6)], Pick(0.3, 0.8, at_edge=False)),
        ([(1.0, 0.6), (0.3, 0.8), (0.1, 0.5)], Pick(0.3, 0.8, at_edge=False)),
        ([(0.1, 0.5), (0.3, 0.8), (1.0, 0.8)], Pick(0.3, 0.8, at_edge=False)),
        ([(0.1, 0.9), (0.3, 0.8), (1.0, 0.9)], Pick(0.1, 0.9, at_edge=True)),
        ([(0.1, 0.5), (0.3, 0.6), (1.0, 0.7)], Pick(1.0, 0.7, at_edge=True)),
    ],
)
def test_the_best_rate_on_validation_is_picked_and_the_lower_of_two_equals(tried, pick):
    assert pick_rate([pilot(*one) for one in tried]) == pick


def test_a_diverged_pilot_loses_against_every_other():
    tried = [pilot(0.1, 0.0), pilot(0.3, 0.1), pilot(1.0, 0.9, Status.DIVERGED)]
    assert pick_rate(tried) == Pick(0.3, 0.1, at_edge=False)
    assert pick_rate([pilot(rate, 0.9, Status.DIVERGED) for rate in (1.0, 0.1, 0.3)]) == Pick(0.1, None, at_edge=True)


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.FINISHED, Status.DIVERGED)])
def test_nothing_is_picked_while_a_pilot_has_not_ended(status):
    assert pick_rate([pilot(0.1, 0.5), pilot(0.3, 0.9, status)]) is None
    assert pick_rate([]) is None


def test_nothing_is_picked_where_a_pilot_cannot_be_read(store):
    lost = record(tiny(seed=PILOT_SEED), id="lost", pilot=1, config_json="{}x")
    tried = [pilot(0.1, 0.5), pilot(0.3, 0.9)]
    assert picks(Experiment.of(tried)) == {(0, 0): Pick(0.3, 0.9, at_edge=True)}
    assert picks(Experiment.of([*tried, lost])) == {(0, 0): None}


def test_runs_are_released_when_all_arms_of_their_condition_have_picked(store):
    store.add(Plan(ARMS, (0,), SIZES, fair_rate=True).runs("e"))
    tried, _ = split(store.runs(experiment="e"))
    best = {(0, 0): 0.0012, (1, 0): 0.012, (0, 1): 0.0004, (1, 1): 0.004}
    for cell in ((0, 0), (0, 1), (1, 0)):
        for run in tried:
            if (run.arm, run.condition) == cell:
                end(store, run, float(run.config.optim.learning_rate == best[cell]))
        release(store, "e")
    _, proper = split(store.runs(experiment="e"))
    for run in proper:
        decided = run.condition == 0
        assert run.status == (Status.QUEUED if decided else Status.WAITING)
        assert run.config.optim.learning_rate == (best[run.arm, 0] if decided else 0.004)


# Through the manager


def test_waiting_runs_get_the_rate_of_their_arm_and_are_then_trained(manager, store):
    manager.submit(FAIR.runs("e"))
    tried, proper = split(worked_off(store))
    assert {run.status for run in (*tried, *proper)} == {Status.FINISHED}
    picked = picks(Experiment.of(tried))
    for run in proper:
        best = max(p.val_accuracy for p in tried if p.arm == run.arm)
        rate = min(rates(p for p in tried if p.arm == run.arm and p.val_accuracy == best))
        assert run.config == configure(ARMS[run.arm], seed=run.config.seed, learning_rate=rate)
        assert picked[run.arm, 0].rate == rate
        measured = max(event["learning_rate"] for event in store.events(run.id, "step"))
        assert 0 < measured <= rate


def test_a_killed_process_leaves_waiting_runs_interrupted_and_resuming_completes_them():
    command = [sys.executable, "-c", KILLED, str(TESTS.parent), str(TESTS), str(TESTS / "runs")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "at work\n"
    process.kill()
    process.communicate()
    store = Store(paths.database())
    manager = RunManager(store, workers=2)
    runs = store.runs(experiment="e")
    assert {run.status for run in runs} == {Status.INTERRUPTED} and len(runs) == 12
    for run in reversed(runs):
        manager.resume(run.id)
    tried, proper = split(worked_off(store))
    manager.shutdown()
    store.close()
    assert {run.status for run in (*tried, *proper)} == {Status.FINISHED}
    assert all(run.config.optim.learning_rate == picks(Experiment.of(tried))[run.arm, 0].rate for run in proper)


def test_a_waiting_run_that_was_paused_takes_part_when_it_is_resumed(manager, store):
    manager.submit(Plan(ARMS, (0,), fair_rate=True).runs("e"))
    _, (paused, _) = split(store.runs(experiment="e"))
    manager.pause(paused.id)
    assert store.run(paused.id).status == Status.PAUSED
    tried, _ = split(worked_off(store))
    assert store.run(paused.id).status == Status.PAUSED
    manager.resume(paused.id)
    resumed = split(worked_off(store))[1][0]
    assert (resumed.status, resumed.config.optim.learning_rate) == (
        Status.FINISHED,
        picks(Experiment.of(tried))[0, 0].rate,
    )


def test_a_run_that_starts_over_says_everything_anew(manager, store):
    manager.submit(Plan(ARMS, (0,)).runs("e"))
    first, other = worked_off(store)
    kept = store.events(first.id, "step")
    manager.start_over(first.id)
    assert store.run(first.id) == first, "what has ended well is left alone"
    store._set(first.id, status=Status.FAILED, error="no space")
    paths.checkpoint(first.id).write_bytes(b"damaged")
    manager.start_over(first.id)  # the damaged checkpoint with the rest
    again = worked_off(store)[0]
    assert (again.status, again.error, again.test_accuracy) == (Status.FINISHED, None, first.test_accuracy)
    assert [event["loss"] for event in store.events(first.id, "step")] == [event["loss"] for event in kept]
    assert store.run(other.id) == other


# Experiments that grow


def test_more_seeds_go_on_where_the_seeds_end():
    runs = [record(run.config, arm=run.arm, condition=run.condition) for run in Plan(ARMS, (3, 5), SIZES).runs("e")]
    new = more_seeds(Experiment.of(runs), 2)
    assert [(run.config.seed, run.condition, run.arm) for run in new] == [*itertools.product((6, 7), (0, 1), (0, 1))]
    assert {(run.experiment, run.status) for run in new} == {("e", Status.QUEUED)}
    assert all(run.config.init == ARMS[run.arm].init for run in new)
    assert all(run.config.data.train_size == (20, 50)[run.condition] for run in new)


def test_more_seeds_of_a_fair_experiment_train_with_the_rate_that_was_picked(manager, store):
    manager.submit(Plan(ARMS, (0,), fair_rate=True).runs("e"))
    worked_off(store)
    manager.extend("e", partial(more_seeds, count=1))
    tried, proper = split(worked_off(store))
    assert len(tried) == 8 and [run.config.seed for run in proper] == [0, 1, 0, 1]
    assert all(run.config.optim.learning_rate == picks(Experiment.of(tried))[run.arm, 0].rate for run in proper)
    assert {run.status for run in proper} == {Status.FINISHED}


def test_seeds_are_added_and_remembered_together_or_not_at_all(store, monkeypatch):
    manager = RunManager(store, 1)
    monkeypatch.setattr(manager._pool, "call", lambda: None)
    manager.submit(Plan(ARMS, (0,), kind="claim").runs("e"))
    manager.extend("e", partial(another_arm, settings=parse_arm("vit")))
    assert not store.experiment("e").extended and len(store.runs()) == 3

    def full(*_):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "add", full)
        with pytest.raises(StoreError, match="full"):
            manager.extend("e", partial(more_seeds, count=2))
    assert not store.experiment("e").extended
    for _ in range(2):  # as from two clicks: each adds to what is there by then
        manager.extend("e", partial(more_seeds, count=1))
    assert store.experiment("e").extended and Experiment.read(store, "e").seeds == (0, 1, 2)
    with pytest.raises(StoreError, match="this experiment is gone"):
        manager.extend("none", partial(more_seeds, count=1))
    assert len(store.runs()) == 9


def test_more_seeds_wait_for_pilots_even_if_the_runs_so_far_stand_still(store):
    store.add(Plan(ARMS, (0,), fair_rate=True).runs("e"))
    for run in store.runs(experiment="e"):
        store.request(run.id, Status.PAUSED)
    assert {run.status for run in more_seeds(Experiment.read(store, "e"), 1)} == {Status.WAITING}


def test_another_arm_takes_the_next_place_with_the_same_seeds_and_conditions():
    runs = [record(run.config, arm=run.arm, condition=run.condition) for run in Plan(ARMS, (3, 5), SIZES).runs("e")]
    new = another_arm(Experiment.of(runs), parse_arm("vit"))
    assert [(run.config.seed, run.condition, run.arm) for run in new] == [*itertools.product((3, 5), (0, 1), (2,))]
    cells = itertools.product((3, 5), SIZES)
    assert [run.config for run in new] == [tiny(scheme="vit", steps=2, seed=seed, **size) for seed, size in cells]
    assert {run.status for run in new} == {Status.QUEUED}


def test_another_arm_of_a_fair_experiment_tries_the_same_grid_and_picks_for_itself(manager, store):
    manager.submit(Plan(ARMS, (0,), fair_rate=True).runs("e"))
    before = worked_off(store)
    new = another_arm(Experiment.of(before), parse_arm("vit"))
    tried, proper = split(new)
    assert rates(tried) == rates(split(before)[0][:4]) and {run.config.seed for run in tried} == {PILOT_SEED}
    assert {run.arm for run in new} == {2} and {run.config.init.scheme for run in new} == {"vit"}
    assert [run.status for run in proper] == [Status.WAITING]
    manager.submit(new)
    after = worked_off(store)
    assert [run for run in after if run.arm < 2] == before
    last = after[-1]
    assert (last.status, last.config.optim.learning_rate) == (Status.FINISHED, picks(Experiment.of(after))[2, 0].rate)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("kaiming,depth=2", "arm: depth is varied here for all arms; leave it out"),
        ("xavier,learning_rate=0.004", "arm: xavier is an arm already"),
    ],
)
def test_another_arm_is_another_and_leaves_the_conditions_as_they_are(store, spec, sentence):
    store.add(comparison(tiny(), ["xavier", "vit"], 1, variations=["depth=1,2"]).runs("e"), "compare")
    with pytest.raises(ConfigError) as caught:
        another_arm(Experiment.read(store, "e"), parse_arm(spec))
    assert str(caught.value) == sentence
