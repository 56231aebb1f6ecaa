"""Runs on a cluster: the same numbers, the same wishes, and nothing lost with a machine."""

import os
import random
import time

import numpy as np
import pytest
from commands import SMALL, last_object
from commands import run as command
from tiny import pair, tiny
from undisturbed import assert_as_if_undisturbed
from waiting import ended, wait_for

from benchmarks.local_cluster import LocalCluster
from vit_lab import paths
from vit_lab.runs.errors import ClusterError
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.executors.cluster import LOST, ClusterExecutor
from vit_lab.runs.executors.machines import RUNS_A_GPU
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.checkpoint import load_checkpoint

pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]  # of Ray's own
LACKING = "Ray is not installed; pip install '.[ray]'."
LONG = {"steps": 4_000, "dropout": 0.1, "shift": 1}
ENDLESS = {"steps": 100_000}
HOW = "docs/scaling.md says how to start one"


def at_step(store, run_id, step=0):
    """The run, once it is under way and beyond a step."""
    return wait_for(lambda: (run := store.run(run_id)).step > step and run)


def test_compare_says_the_same_as_in_processes_to_the_bit(two, monkeypatch):
    words = ["compare", *SMALL, "--seeds=3", "--steps=200", "--json"]
    there = command(*words, "--executor=ray")
    assert there.exit_code == 0, there.output
    store = Store(paths.database())
    assert {run.node for run in store.runs()} == {"a", "b"}
    store.close()
    monkeypatch.setenv(VARIABLE, "processes")
    here = command(*words)
    told = [last_object(result.stdout) for result in (there, here)]
    for one in told:
        del one["experiment"], one["run_ids"]
    assert told[0] == told[1] and told[0]["pairs"][0]["n"] == 3


def test_a_run_pauses_within_two_seconds_and_goes_on_elsewhere_to_the_bit(manager, two):
    config = tiny(**LONG)
    (run_id,) = manager.submit(pair([config], "e"))
    first = at_step(manager.store, run_id, 50).node
    began = time.monotonic()
    manager.pause(run_id)
    wait_for(lambda: manager.store.run(run_id).status == Status.PAUSED)
    assert time.monotonic() - began < 2.0
    paused = manager.store.run(run_id)
    assert load_checkpoint(paths.checkpoint(run_id)).step == paused.step < config.optim.steps
    two.kill(first)
    manager.resume(run_id)
    ended(manager.store, run_id)
    assert_as_if_undisturbed(manager.store, run_id, config)
    assert manager.store.run(run_id).node == ({"a", "b"} - {first}).pop()


def test_stop_and_the_end_of_the_server_leave_a_checkpoint(manager):
    stopped, left, queued = manager.submit(pair([tiny(**ENDLESS, seed=seed) for seed in range(3)], "e"))
    at_step(manager.store, stopped), at_step(manager.store, left)
    assert manager.store.run(queued).status == Status.QUEUED, "there are two places"
    began = time.monotonic()
    manager.stop(stopped)
    wait_for(lambda: manager.store.run(stopped).status == Status.STOPPED)
    assert time.monotonic() - began < 2.0
    at_step(manager.store, queued)
    manager.shutdown(timeout=20)
    assert [run.status for run in manager.store.runs([left, queued])] == [Status.INTERRUPTED] * 2
    for run_id in (stopped, left, queued):
        assert load_checkpoint(paths.checkpoint(run_id)).step == manager.store.run(run_id).step > 0


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
def test_machines_that_are_killed_lose_nothing(manager, two, kills):
    chance = random.Random(kills)
    configs = [tiny(**LONG | {"steps": 1_000 * (2 + kills)}, seed=seed) for seed in range(2)]
    ids = manager.submit(pair(configs, "e"))
    for run_id in ids:
        at_step(manager.store, run_id)
    for number in range(kills):
        time.sleep(chance.uniform(0, 6))
        two.kill(chance.choice(two.names))
        two.join(f"c{number}")
        wait_for(lambda: any(run.status == Status.RUNNING for run in manager.store.runs(ids)), 120)
    for run_id, config in zip(ids, configs, strict=True):
        wait_for(lambda one=run_id: manager.store.run(one).status not in ACTIVE, 500)
        assert_as_if_undisturbed(manager.store, run_id, config)


def test_a_cluster_that_is_away_is_told_and_the_queue_waits_for_it(store, monkeypatch):
    pytest.importorskip("ray", reason=LACKING)
    machines = LocalCluster()
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{machines.port}")
    config = tiny(**LONG)
    manager = RunManager(store, executor=ClusterExecutor())
    try:
        (run_id,) = manager.submit(pair([config], "e"))
        told = wait_for(lambda: manager.problem, 120)
        assert told == f"the Ray cluster at 127.0.0.1:{machines.port} cannot be used (nobody answers); {HOW}"
        assert store.run(run_id).status == Status.QUEUED
        machines.begin(), machines.join("a")
        at_step(store, run_id)
        assert manager.problem == ""
        machines.end()  # and away again
        assert wait_for(lambda: manager.problem, 120) in (told, LOST)
        wait_for(lambda: store.run(run_id).status == Status.QUEUED)
        machines.begin(), machines.join("b")
        wait_for(lambda: store.run(run_id).status == Status.FINISHED, 200)
        assert_as_if_undisturbed(store, run_id, config)
    finally:
        manager.shutdown(timeout=20)
        machines.end()


def test_the_data_goes_to_machines_that_lack_it(two, home, monkeypatch):
    folder = home / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for which, count in (("train", 60_000), ("t10k", 10_000)):
        for kind, shape, most in (("images-idx3", (count, 28, 28), 256), ("labels-idx1", (count,), 10)):
            head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
            body = draw.integers(0, most, shape, dtype=np.uint8).tobytes()
            (folder / f"{which}-{kind}-ubyte").write_bytes(head + body)
    monkeypatch.setenv("VIT_LAB_DATA", str(home / "data"))  # in this process, and not where the machines look
    told = []
    for executor in ("ray", "processes"):
        words = [*SMALL, "--dataset=mnist", "--validation-size=500", f"--executor={executor}", "--json"]
        result = command("train", *words)
        assert result.exit_code == 0, result.output
        told.append(last_object(result.stdout))
    assert told[0]["train_loss"] == told[1]["train_loss"] and told[0]["test_accuracy"] == told[1]["test_accuracy"]


def test_what_a_run_is_refused_there_is_told_here(manager, monkeypatch, home):
    (run_id,) = manager.submit(pair([tiny(dataset="mnist")], "e"))  # which is nowhere
    assert ended(manager.store, run_id).status == Status.FAILED
    assert "mnist is not on this machine" in manager.store.run(run_id).error


@pytest.fixture
def connected(two, monkeypatch):
    """Makes a `Cluster` of this process, for runs on some device."""
    ray = pytest.importorskip("ray")
    from vit_lab.runs.executors import nodes

    def connect(device="cpu"):
        ray.shutdown()
        monkeypatch.setenv("VIT_LAB_DEVICE", device)
        return nodes.Cluster()

    yield connect
    ray.shutdown()


def test_a_machine_with_other_versions_is_of_no_use_and_said_to_be(connected, two, monkeypatch, capfd):
    cluster = connected()
    monkeypatch.setattr("vit_lab.runs.executors.nodes.versions", lambda: {"torch": "0.4", "numpy": np.__version__})
    wait_for(lambda: cluster.places() or cluster.problem)
    assert cluster.places() == 0
    told = cluster.problem
    assert told.startswith(f"{cluster} has no machine that can train: ") and " has torch " in told
    assert told.endswith("and the server 0.4; install the same on both")
    said = capfd.readouterr().err
    assert all(f"{cluster}: {name} has torch " in said for name in two.names)


def test_what_is_refused_on_a_machine_is_raised_here(connected, two):
    """No machine has the GPU that Ray is told of, so the device is refused where it is looked for."""
    two.join("with a gpu", num_cpus=8, num_gpus=1)
    cluster = connected("cuda")
    wait_for(lambda: cluster.places() == RUNS_A_GPU)
    messages = cluster.train(tiny(), None, lambda: None, 0.0, 0)
    assert next(messages).node == "with a gpu"
    with pytest.raises(ConfigError, match="cuda is not on this machine"):
        list(messages)
    cluster = connected("auto")
    wait_for(lambda: cluster.places() == 2 + 8)
    two.kill("with a gpu")


def test_a_process_that_dies_again_and_again_fails_its_run(connected, monkeypatch):
    monkeypatch.setattr("vit_lab.runs.executors.nodes.TRIES", 2)
    cluster = connected()
    wait_for(lambda: cluster.places() == 2)
    ray = pytest.importorskip("ray")

    @ray.remote(num_cpus=1, max_retries=0)
    def dies(*arguments):
        yield os._exit(1)

    cluster._train[False] = dies
    with pytest.raises(ClusterError, match="what trained it was ended 2 times in a row"):
        list(cluster.train(tiny(), None, lambda: None, 0.0, 0))


def test_nothing_trains_by_ray_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr("vit_lab.runs.executors.cluster.find_spec", lambda name: None)
    result = command("train", *SMALL, "--executor=ray")
    assert result.exit_code == 2 and "executor: ray is not installed here; pip install '.[ray]'" in result.output
