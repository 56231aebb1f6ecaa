"""Two machines of one core over one, in runs an hour. Their clusters of Ray are on this machine, as processes.

Both clusters are up all the time, and work in turn, each at the same runs.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from benchmarks.figures import Figure
from benchmarks.local_cluster import LocalCluster
from vit_lab import paths
from vit_lab.presets import preset
from vit_lab.runs.executors.cluster import ClusterExecutor
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan, new_experiment
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure

ROUNDS, RUNS, STEPS = 3, 6, 100
GOAL = 1.9


@contextmanager
def cluster(machines: int) -> Iterator[RunManager]:
    """A manager whose runs are trained by so many machines of one core each, once these are there."""
    there = LocalCluster()
    with tempfile.TemporaryDirectory() as home:
        there.begin()
        there.join(*"ab"[:machines])
        environment = {"VIT_LAB_HOME": home, "RAY_ADDRESS": there.address}
        with patch.dict(os.environ, environment):
            store = Store(paths.database())
            executor = ClusterExecutor()
            manager = RunManager(store, executor=executor)
            manager.prepare(1)
            deadline = time.monotonic() + 120
            while executor.places < machines:
                if time.monotonic() > deadline:
                    raise RuntimeError(manager.problem or "the cluster has no places")
                time.sleep(0.1)
        try:
            yield manager
        finally:
            manager.shutdown()
            store.close()
            there.end()


def seconds(manager: RunManager) -> float:
    """How long the cluster takes for all of the runs."""
    experiment = new_experiment()
    base = configure(preset("classroom"), steps=STEPS)
    began = time.monotonic()
    ids = manager.submit(Plan([base], list(range(RUNS))).runs(experiment))
    while any(run.is_active for run in manager.store.runs(ids)):
        if manager.problem:
            raise RuntimeError(manager.problem)
        time.sleep(0.25)  # looking takes from those that train
    runs = manager.store.runs(ids)
    if {run.status for run in runs} != {Status.FINISHED}:
        raise RuntimeError(f"runs have {', '.join(run.status for run in runs)}")
    return time.monotonic() - began


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Runs an hour of two machines over those of one."""
    rounds: list[dict[int, float]] = []
    with ExitStack() as stack:
        managers = {count: stack.enter_context(cluster(count)) for count in (1, 2)}
        for turn in range(ROUNDS + 1):  # the first only loads torch and the data
            order = (1, 2) if turn % 2 else (2, 1)
            rounds.append({count: seconds(managers[count]) for count in order})
    ratios = [took[1] / took[2] for took in rounds[1:]]
    note = f"median of {ROUNDS} rounds of {RUNS} runs, {min(ratios):.2f} to {max(ratios):.2f}"
    figure = Figure("two machines of one core over one: runs an hour", statistics.median(ratios), "x", GOAL, note=note)
    return [figure], {"rounds": rounds[1:]}
