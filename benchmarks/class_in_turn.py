"""Two dashboards in turn, each with two runs that train and a class that watches: one works, the other stands still.

Viewers go by a clock that stands still with their server, so their ticks stay spread over a second, as people's are.
"""

import asyncio
import signal
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.classroom import VIEWERS, start_pair
from benchmarks.processes import Family, cpu_seconds
from benchmarks.viewers import Clock, Server, Viewer, dashboard
from vit_lab.runs.store import Store

TURN_SECONDS, OPENING_SECONDS = 4.0, 6.0


class ServersClock(Clock):
    """Time that passes while a server is in its turn."""

    def __init__(self) -> None:
        self.going = asyncio.Event()
        self.stood, self._since = 0.0, time.monotonic()  # how long it has stood still before, and since when it does

    def now(self) -> float:
        """Seconds, as `time.monotonic` counts them but for those in which the server stood still."""
        return (time.monotonic() if self.going.is_set() else self._since) - self.stood

    async def reach(self, moment: float) -> None:
        """Wait for a moment of this clock."""
        while not self.going.is_set() or self.now() < moment:
            await self.going.wait()
            await asyncio.sleep(max(0.0, moment - self.now()))

    def go(self) -> None:
        """The turn begins."""
        self.stood += time.monotonic() - self._since
        self.going.set()

    def stop(self) -> None:
        """The turn is over."""
        self._since = time.monotonic()
        self.going.clear()


@dataclass(frozen=True)
class Turn:
    """What a class saw in one turn, and what it took."""

    steps_per_second: float  # of both runs together
    ticks: list[float]  # seconds
    cores: float  # that the server kept busy, its workers not counted

    def ratios(self, other: "Turn") -> dict[str, float]:
        """How many times better this turn went than another one; 1 where it went alike."""
        return {
            "training speed": self.steps_per_second / other.steps_per_second,
            "median tick": statistics.median(other.ticks) / statistics.median(self.ticks),
            "95th percentile of ticks": percentile(other.ticks) / percentile(self.ticks),
            "server's work": other.cores / self.cores,
        }


def percentile(ticks: Sequence[float]) -> float:
    """The 95th, of a turn's ticks."""
    return sorted(ticks)[int(0.95 * len(ticks))]


class ClassAtWork:
    """One dashboard, its runs and its viewers."""

    def __init__(self, server: Server, home: Path):
        self.family, self.pid, self.store = Family(server.process), server.process.pid, Store(home / "runs.sqlite3")
        self.port, self.clock = server.port, ServersClock()
        self.clock.go()
        self.viewers = [Viewer(server.port, clock=self.clock) for _ in range(VIEWERS)]
        self.watching: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Start both runs."""
        await start_pair(self.port, self.store)

    async def fill(self) -> None:
        """Let viewers arrive one after another."""
        for viewer in self.viewers:
            self.watching.append(asyncio.create_task(viewer.watch(float("inf"))))
            await asyncio.sleep(0.6 * OPENING_SECONDS / VIEWERS)
        await asyncio.sleep(0.4 * OPENING_SECONDS)

    def go(self) -> None:
        self.family.send_signal(signal.SIGCONT)
        self.clock.go()

    def stop(self) -> None:
        self.family.send_signal(signal.SIGSTOP)
        self.clock.stop()

    def trained(self) -> list[tuple[int, float]]:
        """(step, seconds that the server was in its turn until then) of each run when it last said where it is."""
        return [(run.step, run.wall_seconds - self.clock.stood) for run in self.store.runs()]

    async def turn(self) -> Turn:
        """Work for a while."""
        before, cpu = self.trained(), cpu_seconds(self.pid)
        self.go()
        begin = self.clock.now()
        await asyncio.sleep(TURN_SECONDS)
        self.stop()
        took = self.clock.now() - begin
        if problems := [problem for viewer in self.viewers for problem in viewer.problems]:
            raise RuntimeError(f"a viewer was shown an error: {problems[0]}")
        speeds = [
            (step - step_before) / (seconds - seconds_before)
            for (step, seconds), (step_before, seconds_before) in zip(self.trained(), before, strict=True)
        ]
        ticks = [seconds for viewer in self.viewers for asked, seconds in viewer.ticks if asked >= begin]
        return Turn(sum(speeds), ticks, (cpu_seconds(self.pid) - cpu) / took)

    async def close(self) -> None:
        for task in self.watching:
            task.cancel()
        await asyncio.gather(*self.watching, return_exceptions=True)
        self.store.close()


async def turns(classes: Sequence[ClassAtWork], rounds: int) -> list[list[Turn]]:
    """So many turns of each."""
    for one in classes:
        one.stop()
    for step in (ClassAtWork.begin, ClassAtWork.fill):
        for one in classes:
            one.go()
            await step(one)
            one.stop()
    measured: list[list[Turn]] = [[] for _ in classes]
    for turn in range(rounds):
        for place in range(len(classes))[:: 1 if turn % 2 else -1]:
            measured[place].append(await classes[place].turn())
    return measured


def with_and_without(tricks: Sequence[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """For each trick and round, how many times better the turn with all tricks went than the one without it."""

    async def in_turn(servers: Mapping[Path, Server]) -> list[list[Turn]]:
        classes = [ClassAtWork(server, home) for home, server in servers.items()]
        try:
            return await turns(classes, rounds)
        finally:
            for one in classes:
                one.go()
                await one.close()

    with ExitStack() as stack:
        servers = {}
        for without in ("", *tricks):
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            servers[home] = stack.enter_context(dashboard(home, "benchmarks.server_without", without))
        with_all, *others = asyncio.run(in_turn(servers))
    return {
        trick: [one.ratios(other) for one, other in zip(with_all, without, strict=True)]
        for trick, without in zip(tricks, others, strict=True)
    }
