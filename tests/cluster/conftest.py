"""A cluster of two machines for the tests beside this, and whoever has runs trained there."""

import pytest
from waiting import wait_for

from benchmarks.local_cluster import LocalCluster
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.executors.cluster import ClusterExecutor
from vit_lab.runs.manager import RunManager


@pytest.fixture(scope="module")
def machines():
    pytest.importorskip("ray", reason="Ray is not installed; pip install '.[ray]'.")
    machines = LocalCluster()
    machines.begin()
    yield machines
    machines.end()


@pytest.fixture
def two(machines, monkeypatch):
    """The cluster with two machines, a and b, as the environment names it."""
    for name in set(machines.names) - {"a", "b"}:
        machines.kill(name)
    machines.join(*sorted({"a", "b"} - set(machines.names)))
    monkeypatch.setenv("RAY_ADDRESS", machines.address)
    monkeypatch.setenv(VARIABLE, "ray")
    return machines


@pytest.fixture
def manager(two, store):
    """Whoever has runs trained there, once the cluster is known to have places for two."""
    manager = RunManager(store, executor=ClusterExecutor())
    manager.prepare(2)
    wait_for(lambda: manager.workers == 2)
    yield manager
    manager.shutdown(timeout=20)
