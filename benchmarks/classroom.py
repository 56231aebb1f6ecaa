"""A class on one machine: thirty browsers watch at 1 Hz while two runs train.

Windows with and without viewers take turns, within the same two runs. A tick is timed by the viewer, from its request
to the answer that the fragment has run, so the wait for the server and the network of the machine itself are in it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.processes import all_of, cpu_seconds
from benchmarks.viewers import Server, Viewer, dashboard
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.ui.poll import TICK_SECONDS
from vit_lab.ui.train.live import WEIGHTS_SECONDS

VIEWERS, ROUNDS, WINDOW_SECONDS, OPENING_SECONDS = 30, 3, 15.0, 12.0
STEPS = 20_000  # more than the windows take; the server is stopped when they are over


@dataclass
class Window:
    """Training while a number of viewers watched: steps a second of all runs, and the seconds of each tick."""

    viewers: int
    steps_per_second: float
    ticks: list[float]
    cores: dict[str, float]  # that the server, its workers, and the viewers kept busy


def steps_done(store: Store) -> int:
    """Of all runs together."""
    return sum(run.step for run in store.runs())


def cpu_of(server: int) -> dict[str, float]:
    """Processor seconds so far of the server, its workers, and this process, which is all viewers."""
    _, *workers = all_of(server)
    return {"server": cpu_seconds(server), "workers": sum(map(cpu_seconds, workers)), "viewers": time.process_time()}


async def window(
    server: Server,
    store: Store,
    viewers: int,
    seconds: float,
    opening: float,
    make: Callable[[int], Viewer] = Viewer,
) -> Window:
    """Let viewers arrive over the opening, then count ticks and steps over some seconds.

    `make` makes a viewer of a port.
    """
    begin = time.monotonic() + (opening if viewers else 1.0)
    end = begin + seconds
    watching = [make(server.port) for _ in range(viewers)]

    async def arrive(place: int, viewer: Viewer) -> None:
        await asyncio.sleep(0.6 * opening * place / viewers)
        await viewer.watch(end)

    async def measure() -> tuple[float, dict[str, float]]:
        await asyncio.sleep(begin - time.monotonic())
        before, started = await asyncio.to_thread(steps_done, store), time.monotonic()
        cpu = cpu_of(server.process.pid)
        await asyncio.sleep(end - time.monotonic())
        cpu = {name: used - cpu[name] for name, used in cpu_of(server.process.pid).items()}
        after = await asyncio.to_thread(steps_done, store)
        took = time.monotonic() - started
        return (after - before) / took, {name: used / took for name, used in cpu.items()}

    (speed, cores), *_ = await asyncio.gather(measure(), *(arrive(i, viewer) for i, viewer in enumerate(watching)))
    if problems := [problem for viewer in watching for problem in viewer.problems]:
        raise RuntimeError(f"a viewer was shown an error: {problems[0]}")
    ticks = [took for viewer in watching for asked, took in viewer.ticks if begin <= asked < end]
    return Window(viewers, speed, ticks, cores)


async def start_pair(port: int, store: Store) -> None:
    """Press the button of the Train page, and wait until both runs train."""
    await Viewer(port, f"steps={STEPS}").watch(0.0, press="Train both")
    deadline = time.monotonic() + 60
    while sum(run.status == Status.RUNNING and run.step > 20 for run in store.runs()) < 2:
        if time.monotonic() > deadline:
            raise RuntimeError("the two runs did not start within 60 s")
        await asyncio.sleep(0.2)


async def windows(
    server: Server, home: Path, viewers: int, rounds: int, seconds: float, opening: float
) -> list[Window]:
    """Windows without and with viewers in turn."""
    store = Store(home / "runs.sqlite3")
    try:
        await start_pair(server.port, store)
        measured = []
        for _ in range(rounds):
            for count in (0, viewers):
                measured.append(await window(server, store, count, seconds, opening))
        return measured
    finally:
        store.close()


def watched(viewers: int, rounds: int, seconds: float, opening: float) -> list[Window]:
    """All windows on a dashboard of its own."""
    with tempfile.TemporaryDirectory() as home, dashboard(home) as server:
        return asyncio.run(windows(server, Path(home), viewers, rounds, seconds, opening))


def kept(measured: list[Window]) -> float:
    """The share of its speed that training keeps while it is watched: median over rounds."""
    pairs = zip(measured[::2], measured[1::2], strict=True)
    return statistics.median(busy.steps_per_second / quiet.steps_per_second for quiet, busy in pairs)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Thirty viewers."""
    measured = watched(VIEWERS, ROUNDS, WINDOW_SECONDS, OPENING_SECONDS)
    ticks = sorted(1e3 * tick for window in measured for tick in window.ticks)
    wanted = VIEWERS * ROUNDS * WINDOW_SECONDS * (1 / TICK_SECONDS + 1 / WEIGHTS_SECONDS)
    note = f"{len(ticks)} ticks of {VIEWERS} viewers over {ROUNDS} x {WINDOW_SECONDS:.0f} s"
    return [
        Figure("ticks that arrived, of those due", len(ticks) / wanted, "", 0.95, note=note),
        Figure("median tick", statistics.median(ticks), "ms", 40, at_most=True, note="as the viewer sees it"),
        Figure("95th percentile of ticks", ticks[int(0.95 * len(ticks))], "ms", 150, at_most=True),
        Figure(
            "training speed kept while watched", kept(measured), "", 0.8, note=f"median of {ROUNDS} pairs of windows"
        ),
    ], {
        "windows": [
            {"viewers": w.viewers, "steps_per_second": w.steps_per_second, "cores busy": w.cores} for w in measured
        ]
    }
