"""What keeping snapshots costs: whole runs of the default settings with and without them, in turn, as a worker trains.

Who begins changes each round. Time of the processor says what snapshots cost also where others use the machine; what
waits for the disk is in the time of the wall alone, and on a busy machine so is everybody else.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from benchmarks.figures import Figure
from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.presets import preset
from vit_lab.runs.executors.follow import train_here
from vit_lab.runs.executors.sink import Sink
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store

ROUNDS, MOST = 6, 1.02
Seconds = tuple[float, float]  # of the wall, of the processor


def whole_run(store: Store, config: RunConfig, with_snapshots: bool) -> tuple[Seconds, str]:
    """How long a run takes from its first step to its end, and its id."""
    [run_id] = store.add([NewRun(config, "a run", "e")])
    run = store.queue.take(store.presence.name)
    assert run is not None
    sink = Sink(store, run, lambda: False)
    before = time.perf_counter(), time.process_time()
    count = sink.snapshots_to_keep() if with_snapshots else 0
    ended = sink.write(train_here(config, sink.latest_checkpoint(), sink.wish, 0.0, count))
    took = time.perf_counter() - before[0], time.process_time() - before[1]
    store.end(run_id, ended.status, ended.error, run.turn)
    return took, run_id


def in_turn(store: Store, config: RunConfig) -> list[dict[bool, Seconds]]:
    """With and without, round by round."""
    rounds = []
    for turn in range(ROUNDS):
        order = (True, False) if turn % 2 else (False, True)
        rounds.append({kind: whole_run(store, config, kind)[0] for kind in order})
    return rounds


def figure(what: str, rounds: list[dict[bool, Seconds]], which: Callable[[Seconds], float]) -> Figure:
    """The median ratio of the rounds, with the quartiles between which half of them lie."""
    ratios = [which(one[True]) / which(one[False]) for one in rounds]
    low, middle, high = statistics.quantiles(ratios, n=4)
    note = f"half of {len(ratios)} rounds from {low:.3f} to {high:.3f}"
    return Figure(what, middle, "x", MOST, at_most=True, note=note)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Time with snapshots over time without, and what they take of the disk."""
    config = preset("classroom")
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, {"VIT_LAB_HOME": home}):
        store = Store(paths.database())
        try:
            _, warm = whole_run(store, config, True)  # loads the data, and shows how many there are
            files = list(paths.snapshots_of(warm).iterdir())
            megabytes = sum(file.stat().st_size for file in files) / 1e6
            rounds = in_turn(store, config)
        finally:
            store.close()
    return [
        figure("time of the wall, with snapshots over without", rounds, lambda seconds: seconds[0]),
        figure("time of the processor, with snapshots over without", rounds, lambda seconds: seconds[1]),
        Figure("what a run of the default settings keeps", megabytes, "MB", note=f"{len(files)} snapshots"),
    ], {"rounds": [{"with": one[True], "without": one[False]} for one in rounds]}
