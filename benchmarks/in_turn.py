"""Processes that take turns: one runs while all others stand still, so that each meets the machine at the same moments.

A contender is `python -m benchmarks.contenders NAME SIZE`: it builds what it needs, prints "ready", and then works and
counts its steps in the file that it is told. It is stopped and continued by signals, so it need not know of turns.
"""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import Family
from vit_lab.paths import data_folder

TURN_SECONDS = 1.0
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Contender:
    """A process that stands still between its turns. `turns` are its steps a second in each."""

    name: str
    process: subprocess.Popen[Any] | Family
    count: Callable[[], int]  # steps made so far
    turns: list[float] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0

    def take_turn(self, seconds: float = TURN_SECONDS) -> bool:
        """Work for a while; False once it has come to its end."""
        before, started = self.count(), time.perf_counter()
        self.process.send_signal(signal.SIGCONT)
        while (going := self.process.poll() is None) and time.perf_counter() - started < seconds:
            time.sleep(0.005)
        if not going and self.process.poll() != 0:
            raise RuntimeError(f"the contender {self.name} failed (exit code {self.process.poll()})")
        if going:
            self.process.send_signal(signal.SIGSTOP)
        took = time.perf_counter() - started
        steps = self.count() - before
        self.steps, self.seconds = self.steps + steps, self.seconds + took
        self.turns.append(steps / took)
        return going

    @property
    def steps_per_second(self) -> float:
        """Over all its turns."""
        return self.steps / self.seconds


@contextmanager
def contenders(names: Sequence[str], size: str) -> Iterator[list[Contender]]:
    """Started and ready, all standing still. They end with the block."""
    started: list[Contender] = []
    processes: list[subprocess.Popen[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in names:
                counter = Path(folder) / name
                counter.write_bytes(struct.pack("q", 0))
                command = [sys.executable, "-m", "benchmarks.contenders", name, size, str(counter)]
                own = {"VIT_LAB_HOME": f"{folder}/home-{name}", "VIT_LAB_DATA": str(data_folder())}
                environment = os.environ | own
                process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
                processes.append(process)
                started.append(Contender(name, process, partial(_counted, counter)))
                assert process.stdout is not None
                if process.stdout.readline().strip() != "ready":
                    raise RuntimeError(f"the contender {name} did not start")
                process.send_signal(signal.SIGSTOP)
            yield started
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _counted(counter: Path) -> int:
    return int(struct.unpack("q", counter.read_bytes()[:8])[0])


def rounds(all_of_them: Sequence[Contender], count: int) -> None:
    """Give every contender that many turns, or until one has come to its end; who begins changes each round."""
    for turn in range(count):
        order = list(all_of_them)[:: 1 if turn % 2 else -1]
        going = [contender.take_turn() for contender in order]
        if not all(going):
            return
