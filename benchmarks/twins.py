"""Two arms at once on two cores against one alone, and how busy a queue keeps the cores.

Runs go through the store and worker processes, as the dashboard trains them. What the machine itself can
give is measured beside it: the bare step in two processes that have nothing in common, against one of them alone.
"""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.figures import Figure
from benchmarks.in_turn import contenders
from benchmarks.lab_of_its_own import lab
from benchmarks.processes import all_of, cpu_seconds
from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.settings import configure

STEPS, ROUNDS, QUEUED, POLL_SECONDS = 300, 5, 8, 0.1


def arms(count: int, experiment: str) -> list[NewRun]:
    """That many runs of the default model, which differ in their init and seed."""
    configs = [
        configure(RunConfig(), steps=STEPS, scheme=("linear-default", "xavier")[i % 2], seed=i // 2)
        for i in range(count)
    ]
    return [NewRun(config, f"run {i}", experiment, arm=i % 2) for i, config in enumerate(configs)]


def wall_seconds(manager: RunManager, new: list[NewRun]) -> float:
    """From the submission of some runs until all have finished."""
    started = time.perf_counter()
    ids = manager.submit(new)
    while any(run.status in ACTIVE for run in manager.store.runs(ids)):
        time.sleep(POLL_SECONDS)
    assert all(run.status == Status.FINISHED for run in manager.store.runs(ids))
    return time.perf_counter() - started


def busy_share(manager: RunManager) -> float:
    """Processor time over what the workers' cores could give, from the first step until a worker finds no run."""
    ids = manager.submit(arms(QUEUED, "queue"))
    while manager.store.run(ids[0]).step == 0:
        time.sleep(0.005)
    processes = all_of(os.getpid())
    cpu, started = sum(map(cpu_seconds, processes)), time.perf_counter()
    while sum(run.status in ACTIVE for run in manager.store.runs(ids)) >= manager.workers:
        time.sleep(POLL_SECONDS)
    share = (sum(map(cpu_seconds, processes)) - cpu) / (time.perf_counter() - started) / manager.workers
    while any(run.status in ACTIVE for run in manager.store.runs(ids)):
        time.sleep(POLL_SECONDS)
    return share


def processes_over_one() -> float:
    """Steps a second of two processes at once over one alone, median of rounds."""
    ratios = []
    with contenders(["lab-bare", "lab-bare-too"], "classroom") as two:
        for _ in range(ROUNDS):
            for one in two:
                one.take_turn(2.0)
            alone = sum(one.turns[-1] for one in two) / 2
            with ThreadPoolExecutor(2) as both:
                list(both.map(lambda one: one.take_turn(4.0), two))
            ratios.append(sum(one.turns[-1] for one in two) / alone)
    return statistics.median(ratios)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """One arm and two in turn, each on a manager with as many workers as it has arms."""
    load_run_data(RunConfig())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with lab(workers=2) as manager:
        wall_seconds(manager, arms(2, "warm-up"))
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(ROUNDS):
            for count in (1, 2)[:: 1 if turn % 2 else -1]:
                seconds[count].append(wall_seconds(manager, arms(count, f"{count}-{turn}")))
        busy = busy_share(manager)
    ratios = [2 * one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    note = f"median of {ROUNDS} rounds of {STEPS} steps, {cores} cores; {min(ratios):.2f} to {max(ratios):.2f}"
    return [
        Figure("images a second of two arms over one", statistics.median(ratios), "x", 1.9, note=note),
        Figure("two bare processes over one", processes_over_one(), "x", note="what this machine gives"),
        Figure("cores busy with runs queued", busy, "", 0.95, note=f"{QUEUED} runs over two workers"),
    ], {"seconds": seconds}
