"""Memory of a dashboard at work: the server, what it has started, and how the server grows with what is asked of it.

Counted as PSS: of a page that several processes share, each has its part. Only Linux tells.
"""

import asyncio
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed

from benchmarks.figures import Figure
from benchmarks.processes import all_of
from benchmarks.viewers import Clock, Server, Viewer, dashboard
from vit_lab.config import RunConfig
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.ui.train.widgets import train_link

PAGES = ("train", "compare", "inside", "weights", "runs", "learn_attention", "learn_init")
LOADS, SETTLED = 300, 50  # page loads, and after how many of them the server should grow no more
FULL = 150  # after so many there are as many sessions as ever: Streamlit keeps 128 of those that have left, at most
HOUR = 3_600.0  # seconds that two viewers watch, on a clock that does not wait
UP_SECONDS, GROWN = 60.0, 10.0
MEGABYTE = 1e6


class Hurried(Clock):
    """A clock that stands still until somebody waits for a moment, which is then there."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds."""
        return self._now

    async def reach(self, moment: float) -> None:
        """Be there at once."""
        self._now = max(self._now, moment)


def megabytes(pid: int, which: str = "Pss") -> float:
    """What a process has, by one of the counts of smaps_rollup; 0 once it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.split(":")[0] in which.split()) * 1024 / MEGABYTE
    return 0.0


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Of one server while two runs of the default settings train."""
    config = configure(RunConfig(), steps=100_000)
    arms = [configure(config, scheme=scheme) for scheme in ("linear-default", "xavier")]
    with tempfile.TemporaryDirectory() as home, dashboard(home) as server:
        pid = server.process.pid
        store = Store(Path(home) / "runs.sqlite3")
        threading.Thread(target=_start, args=(server, urlencode(train_link(arms))), daemon=True).start()
        deadline = time.monotonic() + UP_SECONDS
        while sum(run.step > 20 for run in store.runs()) < 2:
            if time.monotonic() > deadline:
                raise RuntimeError(f"two runs did not start within {UP_SECONDS:.0f} s")
            time.sleep(0.2)
        [experiment] = {run.experiment for run in store.runs()}
        each = {one: (_name(one), megabytes(one), megabytes(one, "Private_Clean Private_Dirty")) for one in all_of(pid)}
        loaded = [_after_drawing(page, experiment, server) for page in (PAGES * LOADS)[:LOADS]]
        before = megabytes(pid)
        watched = _watch(server, experiment)
        after = megabytes(pid)
        is_at_work = all(run.status in ACTIVE for run in store.runs())
        store.close()
    if not is_at_work:
        raise RuntimeError("the runs have ended meanwhile")
    together, at_work = sum(pss for _, pss, _ in each.values()), f"{len(each)} processes"
    _, *own = (round(private) for name, _, private in each.values() if name == "worker")  # first the fork server
    grown = loaded[-1] - loaded[SETTLED - 1]
    return [
        Figure(
            "server and two workers at work, PSS",
            together,
            "MB",
            1_000,
            at_most=True,
            note=f"{at_work}; a worker's own, shared with nobody: {max(own, default=0)} MB",
        ),
        Figure(
            f"growth of the server from page load {SETTLED} to {LOADS}",
            grown,
            "MB",
            GROWN,
            at_most=True,
            note=", ".join(PAGES),
        ),
        Figure(
            f"growth of the server from page load {FULL} to {LOADS}",
            loaded[-1] - loaded[FULL - 1],
            "MB",
            note="Streamlit keeps sessions that have left for 20 s, in case they come back, and at most 128",
        ),
        Figure(
            "growth over the ticks that two viewers have in an hour",
            after - before,
            "MB",
            GROWN,
            at_most=True,
            note=f"{watched:,} ticks, as fast as they go",
        ),
    ], {"processes": list(each.values()), "after_each_load": [round(one, 1) for one in loaded]}


def _name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    return "server" if "streamlit" in command else "worker" if "forkserver" in command else command[:60]


def _start(server: Server, query: str) -> None:
    with suppress(ConnectionClosed):  # the server ends before it
        asyncio.run(Viewer(server.port, query).watch(time.monotonic() + 20, press="Train"))


def _after_drawing(page: str, experiment: str, server: Server) -> float:
    """The server's memory after it has drawn a page for somebody new."""
    viewer = Viewer(server.port, urlencode({"experiment": experiment}), Hurried(), page=page)
    asyncio.run(viewer.watch(0.0))
    if viewer.problems:
        raise RuntimeError(f"the viewer was shown an error: {viewer.problems[0]}")
    return megabytes(server.process.pid)


def _watch(server: Server, experiment: str) -> int:
    """Two viewers watch the runs for an hour of a hurried clock; how many ticks they had."""
    two = [Viewer(server.port, urlencode({"experiment": experiment}), Hurried()) for _ in range(2)]

    async def watch() -> None:
        await asyncio.gather(*(viewer.watch(HOUR) for viewer in two))

    asyncio.run(watch())
    return sum(len(viewer.ticks) for viewer in two)
