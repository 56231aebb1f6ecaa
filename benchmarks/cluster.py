"""Two machines of one core over one, in steps of runs an hour. Their cluster of Ray is on this machine, as processes.

The second machine joins and leaves, in turn. The queue is never empty meanwhile, so no machine waits for the other's
last run; what is counted are steps, of runs that begin, end and are written down like any others.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

ROUNDS, STEPS, SECONDS = 5, 300, 40.0
QUEUED = 12  # runs, more than two machines train in the time
LONGEST = 120.0  # for a machine to come or go, or for runs to begin
GOAL = 1.9


@contextmanager
def cluster_of_one() -> Iterator[tuple[LocalCluster, RunManager]]:
    """A cluster with one machine of one core, and a manager whose runs are trained there."""
    there = LocalCluster()
    there.begin()
    there.join("a")
    with (
        tempfile.TemporaryDirectory() as home,
        patch.dict(os.environ, {"VIT_LAB_HOME": home, "RAY_ADDRESS": there.address}),
    ):
        store = Store(paths.database())
        manager = RunManager(store, executor=ClusterExecutor())
        try:
            manager.prepare(1)
            yield there, manager
        finally:
            manager.shutdown()
            store.close()
            there.end()


def steps_an_hour(manager: RunManager, machines: int) -> float:
    """Of so many machines, all of them at work all the time."""
    _until(lambda: manager.workers == machines, manager)
    runs = Plan([configure(preset("classroom"), steps=STEPS)], list(range(QUEUED))).runs(new_experiment())
    ids = manager.submit(runs)
    _until(lambda: sum(run.is_active and run.step > 0 for run in manager.store.runs(ids)) >= machines, manager)
    began, before = time.monotonic(), _steps(manager, ids)
    time.sleep(SECONDS)
    done, took = _steps(manager, ids) - before, time.monotonic() - began
    if sum(run.is_active for run in manager.store.runs(ids)) < machines:
        raise RuntimeError("the queue has run empty")
    for run in manager.store.runs(ids):
        if run.is_active:
            manager.stop(run.id)
    _until(lambda: not any(run.is_active for run in manager.store.runs(ids)), manager)
    if {run.status for run in manager.store.runs(ids)} - {Status.FINISHED, Status.STOPPED}:
        raise RuntimeError(f"runs have {', '.join(run.status for run in manager.store.runs(ids))}")
    return 3600 * done / took


def _steps(manager: RunManager, ids: list[str]) -> int:
    return sum(run.step for run in manager.store.runs(ids))


def _until(is_so: Callable[[], bool], manager: RunManager) -> None:
    deadline = time.monotonic() + LONGEST
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(manager.problem or "the cluster did not come, or go, in time")
        time.sleep(0.25)  # looking takes from those that train


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Runs an hour of two machines over those of one, counted in their steps."""
    rounds: list[dict[int, float]] = []
    with cluster_of_one() as (there, manager):
        for _ in range(ROUNDS):
            alone = steps_an_hour(manager, 1)
            there.join("b")
            rounds.append({1: alone, 2: steps_an_hour(manager, 2)})
            there.leave("b")
    ratios = [of[2] / of[1] for of in rounds]
    note = f"median of {ROUNDS} rounds of {SECONDS:.0f} s each, {min(ratios):.2f} to {max(ratios):.2f}"
    figure = Figure("two machines of one core over one: runs an hour", statistics.median(ratios), "x", GOAL, note=note)
    return [figure], {"steps an hour": rounds}
