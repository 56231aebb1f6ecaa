"""A class on Inside: thirty browsers look into the same two runs while they train, and draw digits into them.

Windows with and without viewers take turns, as in `benchmarks.classroom`. Every viewer asks at 1 Hz whether there is a
newer step, and makes a stroke every few seconds; no two draw the same. A stroke is answered when the maps of both arms
have arrived that were drawn anew for it.
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

ROUNDS, STROKE_TICKS = 3, 10  # a stroke every so many ticks
OPENING = 2 * OPENING_SECONDS  # a first page with its looks takes longer than one of Train
MAPS, PAD = "inside_maps", "inside_pad"


class Drawer(Viewer):
    """A viewer of Inside who draws. `strokes` are (when it ended, seconds until the maps had arrived)."""

    def __init__(self, port: int, experiment: str, number: int):
        self.ink = np.zeros((SIDE, SIDE), np.uint8)
        self.ink[4 + number % 20, 4:8] = 255
        super().__init__(port, f"experiment={experiment}&drawing={packed(self.ink)}", page="inside")
        self.strokes: list[tuple[float, float]] = []
        self._place, self._asked = number, 0

    async def _run(
        self, connection: websockets.ClientConnection, button: str = "", fragment: str = "", states: Any = None
    ) -> dict[str, float]:
        found = await super()._run(connection, button, fragment, states)
        self._asked += bool(fragment)
        pad = next((one for one in self.components if one.endswith(PAD)), "")
        if fragment and pad and (self._asked + self._place) % STROKE_TICKS == 0:
            await self._stroke(connection, pad)
        return found

    async def _stroke(self, connection: websockets.ClientConnection, pad: str) -> None:
        self._draw()
        asked, (_, fragment) = self.clock.now(), self.components[pad]
        pixels = {"pixels": base64.b64encode(self.ink.tobytes()).decode()}
        await super()._run(connection, fragment=fragment, states={pad: json.dumps(pixels)})
        drawn = [when for one, (when, _) in self.components.items() if one.endswith(MAPS) and when > asked]
        if not drawn:
            raise RuntimeError("a stroke was not answered")
        self.strokes.append((asked, drawn[0] - asked))

    def _draw(self) -> None:
        """One line more, somewhere else for every viewer and stroke."""
        row, column = divmod((37 * self._place + 11 * len(self.strokes)) % 400, 20)
        self.ink[4 + row : 7 + row, 4 + column] = 55 + (self._place * 5 + len(self.strokes)) % 200


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
