"""A class on Inside: thirty browsers look into the same two runs while they train, and draw digits into them.

Windows with and without viewers take turns, as in `benchmarks.classroom`. Every viewer asks at 1 Hz whether there is
news of the runs, has the page drawn anew if so, and makes a stroke every few seconds; no two draw the same. A stroke is
answered when the maps of both arms have arrived that were drawn anew for it.
"""

import asyncio
import base64
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import websockets

from benchmarks.classroom import OPENING_SECONDS, VIEWERS, WINDOW_SECONDS, Window, kept, start_pair, window
from benchmarks.figures import Figure
from benchmarks.viewers import Server, Viewer, dashboard
from vit_lab.data.bundled import SIDE
from vit_lab.runs.store import Store
from vit_lab.ui.inside.choice import packed
from vit_lab.ui.poll import TICK_SECONDS

ROUNDS, STROKE_SECONDS = 5, 10.0
OPENING = 2 * OPENING_SECONDS  # a first page with its looks takes longer than one of Train
MAPS, PAD, NEWS = "inside_maps", "inside_pad", "inside_news"


class Drawer(Viewer):
    """A viewer of Inside who draws. `strokes` are (when it ended, seconds until the maps had arrived)."""

    def __init__(self, port: int, experiment: str, number: int):
        self.ink = np.zeros((SIDE, SIDE), np.uint8)
        self.ink[4 + number % 20, 4:8] = 255
        super().__init__(port, f"experiment={experiment}&drawing={packed(self.ink)}", page="inside")
        self.strokes: list[tuple[float, float]] = []
        self._place = number

    async def watch(self, until: float, press: str | None = None) -> None:
        """Open the page and look at it until that moment of the clock, drawing now and then."""
        async with self._connected() as connection, _Asking(self.port) as asking:
            await self._run(connection)
            due = self.clock.now()
            stroke_due = due + STROKE_SECONDS * (self._place % VIEWERS) / VIEWERS
            while self.clock.now() < until:
                await self.clock.reach(due)
                asked, seen = self.clock.now(), self._told(NEWS)
                news = await asking.ask(seen["address"])
                self.ticks.append((asked, self.clock.now() - asked))
                if news != seen["seen"]:
                    await self._run(connection)
                if self.clock.now() >= stroke_due:
                    await self._stroke(connection)
                    stroke_due += STROKE_SECONDS
                due = asked + TICK_SECONDS

    def _told(self, name: str) -> dict[str, Any]:
        """What the page last told one of its components."""
        found: dict[str, Any] = json.loads(self.components[self._component(name)].data)
        return found

    def _component(self, name: str) -> str:
        return next(one for one in self.components if one.endswith(name))

    async def _stroke(self, connection: websockets.ClientConnection) -> None:
        self._draw()
        pad = self._component(PAD)
        asked, fragment = self.clock.now(), self.components[pad].fragment
        pixels = {"pixels": base64.b64encode(self.ink.tobytes()).decode()}
        await self._run(connection, fragment=fragment, states={pad: json.dumps(pixels)})
        drawn = [one.drawn for name, one in self.components.items() if name.endswith(MAPS) and one.drawn > asked]
        if not drawn:
            raise RuntimeError("a stroke was not answered")
        self.strokes.append((asked, drawn[0] - asked))

    def _draw(self) -> None:
        """One line more, somewhere else for every viewer and stroke."""
        row, column = divmod((37 * self._place + 11 * len(self.strokes)) % 400, 20)
        self.ink[4 + row : 7 + row, 4 + column] = 55 + (self._place * 5 + len(self.strokes)) % 200


class _Asking:
    """A connection that stays, over which a viewer asks for news as a browser does."""

    def __init__(self, port: int):
        self._port = port

    async def __aenter__(self) -> "_Asking":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *ending: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(self, address: str) -> str:
        """The news, as text."""
        self._writer.write(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        text = await self._reader.readexactly(int(head.split("content-length:")[1].split()[0]))
        if " 200 " not in head.splitlines()[0]:
            raise RuntimeError(f"no news: {text.decode()}")
        return text.decode()


async def windows(server: Server, home: Path) -> tuple[list[Window], list[float]]:
    """Windows without and with viewers in turn, and the seconds of every stroke."""
    store = Store(home / "runs.sqlite3")
    drawers: list[Drawer] = []
    try:
        await start_pair(server.port, store)
        experiment = store.runs()[0].experiment

        def arrive(port: int) -> Drawer:
            drawers.append(Drawer(port, experiment, len(drawers)))
            return drawers[-1]

        measured = []
        for _ in range(ROUNDS):
            for count in (0, VIEWERS):
                measured.append(await window(server, store, count, WINDOW_SECONDS, OPENING, arrive))
        return measured, [took for drawer in drawers for _, took in drawer.strokes]
    finally:
        store.close()


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Thirty viewers who draw."""
    with tempfile.TemporaryDirectory() as home, dashboard(home) as server:
        measured, strokes = asyncio.run(windows(server, Path(home)))
    milliseconds = sorted(1e3 * took for took in strokes)
    note = f"{len(strokes)} strokes of {VIEWERS} viewers, until both arms' maps are there"
    return [
        Figure("median stroke", statistics.median(milliseconds), "ms", 300, at_most=True, note=note),
        Figure("95th percentile of strokes", milliseconds[int(0.95 * len(strokes))], "ms"),
        Figure("training speed kept while watched", kept(measured), "", 0.9, note=f"median of {ROUNDS} pairs"),
    ], {
        "windows": [
            {"viewers": w.viewers, "steps_per_second": w.steps_per_second, "cores busy": w.cores, "ticks": len(w.ticks)}
            for w in measured
        ]
    }
