"""Forks of stored runs: what is queued, and that a whole one comes to what its parent came to."""

import json

import pytest
from commands import last_object, run
from tiny import pair, tiny
from waiting import wait_for

from vit_lab import paths
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.forks import ForkPlan, forks_of, parse_factor, parse_fork, siblings
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError

WAY = {"learning_rate": 0.02, "qk_factor": 2.0}


@pytest.fixture
def store(home):
    with_runs = Store(paths.database())
    yield with_runs
    with_runs.close()


@pytest.fixture
def trained(store):
    """An experiment of two arms and three seeds that has been trained."""
    manager = RunManager(store, 1, ThreadExecutor())
    new = [one for seed in range(3) for one in pair([tiny(seed=seed), tiny(scheme="xavier", seed=seed)], "parents")]
    manager.submit(new)
    wait_for(lambda: all(run.has_ended for run in store.runs()), seconds=60)
    yield Experiment.read(store, "parents")
    manager.shutdown()


def test_forks_of_all_seeds_are_an_experiment_of_pairs(store, trained):
    first = trained.runs[0]
    parents = siblings(trained, first, 4)
    assert [run.config.seed for run in parents] == [0, 1, 2] and {run.arm for run in parents} == {first.arm}
    new = ForkPlan.of(parents, 4, [{}, WAY]).runs("forks")
    assert [(one.arm, one.config.seed) for one in new] == [(arm, seed) for seed in range(3) for arm in (0, 1)]
    store.add(new)
    forks = Experiment.read(store, "forks")
    assert forks.seeds == (0, 1, 2) and set(forks.differences) == {"learning_rate", "fork"}
    assert forks.names == {
        0: "linear-default, learning rate 0.004, from step 4",
        1: "linear-default, learning rate 0.02, from step 4 with queries, keys × 2",
    }
    assert {run.id for run in forks_of([parents[0].id], store.runs())} == {run.id for run in forks.cells[0, 0][:1]} | {
        run.id for run in forks.cells[1, 0][:1]
    }


def test_a_fork_that_changes_nothing_is_told_what_it_is(store, trained):
    [one] = ForkPlan.of(trained.runs[:1], 4, [{}]).runs("same")
    assert one.name == "linear-default, seed 0, from step 4"
    store.add([one])
    assert Experiment.read(store, "same").shared_words.endswith("from step 4")


def test_a_fork_outlives_its_parent_and_comes_to_the_same(store, trained):
    parent = trained.runs[0]
    before = {kind: store.events(parent.id, kind) for kind in ("step", "evaluated", "probed", "finished")}
    manager = RunManager(store, 1, ThreadExecutor())
    manager.delete([parent.id])
    [fork] = manager.submit(ForkPlan.of([parent], 4, [{}]).runs("orphan"))
    wait_for(lambda: store.run(fork).has_ended, seconds=60)
    assert store.run(fork).status == Status.FINISHED
    for kind, told in before.items():
        events = store.events(fork, kind)
        assert [one | {"seconds": 0} for one in events] == [one | {"seconds": 0} for one in told], kind
    manager.shutdown()


def test_a_shell_forks_a_run():
    first = last_object(run("train", "--depth=1", "--dim=16", "--train-size=40", "--steps=8", "--json").stdout)
    words = ("train", "--fork", f"{first['run_id']}@4")
    same = last_object(run(*words, "--json").stdout)
    assert same["test_accuracy"] == first["test_accuracy"] and same["train_loss"] == first["train_loss"]
    other = last_object(run(*words, "--learning-rate=0.1", "--factor", "qk=2", "--factor=mlp=0.5", "--json").stdout)
    assert other["train_loss"] != first["train_loss"] and other["config"]["fork"]["step"] == 4
    assert other["config"]["fork"]["run"] == first["run_id"]
    assert {name: other["config"]["fork"][name] for name in ("qk_factor", "mlp_factor")} == {
        "qk_factor": 2.0,
        "mlp_factor": 0.5,
    }
    assert json.dumps(first["config"], sort_keys=True) == json.dumps(other["config"]["fork"]["parent"], sort_keys=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--fork", "abc"), "fork: 'abc' does not work; write RUN@STEP"),
        (("--fork", "abc@4"), "there is no run 'abc'"),
        (("--factor", "qk=2"), "give --fork, too"),
        (("--fork", "abc@4", "--preset", "accurate"), "preset: accurate is not read beside --fork"),
        (("--fork", "abc@4", "--factor", "kq=2"), "there is no group 'kq'"),
    ],
)
def test_a_fork_that_cannot_be_is_refused_in_a_sentence(words, sentence):
    done = run("train", *words)
    assert done.exit_code in (1, 2) and sentence in done.stderr


def test_steps_and_factors_are_spelled():
    assert parse_fork(" a1@30") == ("a1", 30) and parse_factor("qk=0.5") == ("qk_factor", 0.5)
    with pytest.raises(ConfigError, match="there is no group 'kq'; choose embed, qk, vo, mlp or head"):
        parse_factor("kq=2")
    with pytest.raises(ConfigError, match="'x' is not a number; write for example qk=2"):
        parse_factor("qk=x")


def test_what_a_fork_keeps_is_said(store):
    store.add([NewRun(tiny(), "n", "e")])
    with pytest.raises(ConfigError, match="64 does not work, a fork keeps it; leave it at 8"):
        ForkPlan.of(store.runs(), 4, [{"dim": 64}]).runs("f")
