"""What keeping snapshots costs: two runs of the default settings, one with them and one without, in turn.

Whole runs one after the other differ by ten percent on a machine that others use, so both are trained in one process,
each for half a second of its own time and then the other. Time of the processor says what snapshots cost also where
somebody takes it away for a moment; what waits for the disk is in the time of the wall alone.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from benchmarks.figures import Figure
from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.presets import preset
from vit_lab.runs.executors import follow
from vit_lab.runs.executors.messages import Ended, Message
from vit_lab.runs.executors.sink import Sink
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store

ROUNDS, MOST = 6, 1.02
Seconds = tuple[float, float]  # of the wall, of the processor


class Trained:
    """A run under way, and the time that was its own."""

    def __init__(self, store: Store, config: RunConfig, with_snapshots: bool):
        [self.id] = store.add([NewRun(config, "a run", "e")])
        self._store, self._run = store, store.queue.take(store.presence.name)
        assert self._run is not None
        self._sink = Sink(store, self._run, lambda: False)
        count = self._sink.snapshots_to_keep() if with_snapshots else 0
        checkpoint = self._sink.latest_checkpoint()
        self._messages: Iterator[Message] = follow.train_here(config, checkpoint, self._sink.wish, 0.0, count)
        self._wall = self._processor = 0.0
        self._begun = time.perf_counter()

    def monotonic(self) -> float:
        """Its own time, by which it tells when half a second is over."""
        return self._wall + time.perf_counter() - self._begun

    def turn(self) -> bool:
        """Train until there is something to write down, and write it down; whether the run goes on."""
        self._begun, processor = time.perf_counter(), time.process_time()
        with patch.object(follow, "time", self):
            message = next(self._messages)
            self._sink.write([message])
        self._wall += time.perf_counter() - self._begun
        self._processor += time.process_time() - processor
        if isinstance(message, Ended) and self._run is not None:
            self._store.end(self.id, message.status, message.error, self._run.turn)
        return not isinstance(message, Ended)

    @property
    def took(self) -> Seconds:
        """So far."""
        return self._wall, self._processor


def in_turn(store: Store, config: RunConfig, first: bool) -> dict[bool, Trained]:
    """Two runs, with and without, to their ends; `first` is whether that with snapshots begins."""
    runs = {kind: Trained(store, config, kind) for kind in (first, not first)}
    going = list(runs.values())
    while going:
        going = [run for run in going if run.turn()]
    return runs


def figure(what: str, rounds: list[dict[bool, Seconds]], which: Callable[[Seconds], float]) -> Figure:
    """The median ratio of the rounds, with the quartiles between which half of them lie."""
    ratios = [which(one[True]) / which(one[False]) for one in rounds]
    low, middle, high = statistics.quantiles(ratios, n=4)
    note = f"half of {len(ratios)} rounds from {low:.3f} to {high:.3f}"
    return Figure(what, middle, "x", MOST, at_most=True, note=note)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Time with snapshots over time without, and what they take of the disk."""
    config, rounds = preset("classroom"), []
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, {"VIT_LAB_HOME": home}):
        store = Store(paths.database())
        try:
            for turn in range(ROUNDS + 1):  # the first only loads the data
                runs = in_turn(store, config, turn % 2 == 0)
                rounds.append({kind: run.took for kind, run in runs.items()})
            files = list(paths.snapshots_of(runs[True].id).iterdir())
            megabytes = sum(file.stat().st_size for file in files) / 1e6
        finally:
            store.close()
    return [
        figure("time of the wall, with snapshots over without", rounds[1:], lambda seconds: seconds[0]),
        figure("time of the processor, with snapshots over without", rounds[1:], lambda seconds: seconds[1]),
        Figure("what a run of the default settings keeps", megabytes, "MB", note=f"{len(files)} snapshots"),
    ], {"rounds": [{"with": one[True], "without": one[False]} for one in rounds[1:]]}
