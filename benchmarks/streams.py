"""What one server can write down: many runs at once stream into one store what a run of the default settings says.

The runs are not trained: what one run has said in its first seconds is said again by each, at the same pace, to the
code that writes down what a cluster says. So this is what a server would bear if there were machines enough.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

from benchmarks.figures import Figure
from vit_lab import paths
from vit_lab.presets import preset
from vit_lab.runs.executors.follow import train_here
from vit_lab.runs.executors.messages import Message, Said
from vit_lab.runs.executors.sink import Sink
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store

COUNTS = (10, 100, 300, 1_000)
SECONDS = 15.0  # of each count; three checkpoints a run
Timed = list[tuple[float, Message]]


def spoken() -> Timed:
    """What a run says in its first seconds, each message with the second in which it is said."""
    messages = train_here(preset("classroom"), None, lambda: None, 0.0, 0)
    said: Timed = []
    began: float | None = None
    for message in messages:
        began = began or time.monotonic()
        said.append((time.monotonic() - began, message))
        if said[-1][0] > SECONDS:
            break
    messages.close()
    return said


class Streams:
    """So many runs at once; how long each batch took to be written, and how late it was then."""

    def __init__(self, store: Store, said: Timed, count: int):
        store.add([NewRun(preset("classroom"), f"run {number}", "e") for number in range(count)])
        self.commits: list[float] = []
        self.delays: list[float] = []
        self.events = 0
        self._store, self._said = store, said
        self._begin = time.monotonic() + 0.5 + count / 500
        append = store.append

        def timed(*arguments: Any) -> str | None:
            began = time.monotonic()
            asked = append(*arguments)
            self.commits.append(time.monotonic() - began)
            return asked

        with patch.object(store, "append", timed):
            threads = [threading.Thread(target=self._write, args=(number / count,)) for number in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.seconds = time.monotonic() - self._begin

    def _write(self, part: float) -> None:
        """One run, which begins at some part of the five seconds between checkpoints."""
        run = self._store.queue.take()
        assert run is not None
        Sink(self._store, run, lambda: False).write(self._messages(self._begin + 5 * part))

    def _messages(self, begin: float) -> Iterator[Message]:
        for second, message in self._said:
            due = begin + second
            time.sleep(max(0.0, due - time.monotonic()))
            yield message
            if isinstance(message, Said):
                self.delays.append(time.monotonic() - due)
                self.events += len(message.events)


def high(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20)[-1]


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Events a second, how long a commit takes, and how late it is, by the number of runs."""
    said, figures, details = spoken(), [], {}
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, {"VIT_LAB_HOME": home}):
            store = Store(paths.database())
            try:
                found = Streams(store, said, count)
            finally:
                store.close()
        details[f"{count} runs"] = kept = {
            "events_a_second": found.events / found.seconds,
            "batches_a_second": len(found.commits) / found.seconds,
            "commit_p95_ms": 1e3 * high(found.commits),
            "delay_p50_s": statistics.median(found.delays),
            "delay_p95_s": high(found.delays),
            "seconds": found.seconds,
        }
        note = f"{kept['batches_a_second']:,.0f} batches and {kept['events_a_second']:,.0f} events a second"
        figures.append(Figure(f"{count:,} runs: a commit, p95", kept["commit_p95_ms"], "ms", note=note))
        figures.append(Figure(f"{count:,} runs: what is said is written after, p95", kept["delay_p95_s"], "s"))
    return figures, details
