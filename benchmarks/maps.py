"""What a map of starts costs, computed as a page does it: in a process of its own, of the classroom model, 15 by 15."""

import statistics
import time
from typing import Any

from benchmarks.figures import Figure
from vit_lab.axes import Grid
from vit_lab.forkserver import client
from vit_lab.forkserver.calls import compute
from vit_lab.probes.gauge import Cell
from vit_lab.runs.limits import map_images
from vit_lab.settings import configure
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.first_look import first_look, first_looks
from vit_lab.ui.serving.apart import MEMORY

GOAL_SECONDS, GOAL_DIFFERENCE = 5.0, 1e-5
REPEATS = 5
AXES = ("queries-keys", "values-mlp")
CHECKED = 7  # cells, evenly spread from the lowest corner to the opposite one


def largest_difference(grid: Grid, cells: list[Cell]) -> float:
    """Between some cells and the preflights of their settings: of entropy and similarity, and of the signal's ratio."""
    found = []
    for index in range(0, len(cells), (len(cells) - 1) // (CHECKED - 1)):
        look, cell = first_look(grid.configs[index], PROBE_IMAGES), cells[index]
        *_, similarity = (value for measure, _, value in look.rows if measure == "token_similarity")
        found.append(abs(cell.start.entropy - look.start.entropy))
        found.append(abs(cell.start.growth / look.start.growth - 1))
        found.append(abs(cell.similarity - similarity))
        if cell.findings != look.findings:
            raise RuntimeError(f"a cell says {cell.findings}, its preflight {look.findings}")
    return max(found)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """The wall time of a map, its processor time, and how far its cells are off."""
    client.warm_up()
    grid = Grid.around(configure(), *AXES)
    images = map_images(grid.configs, MEMORY)
    seconds, cells = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        cells = compute("vit_lab.training.first_look:first_looks", grid, images, seconds=120.0, memory=MEMORY)
        seconds.append(time.perf_counter() - started)
    started = time.thread_time()
    first_looks(grid, images)
    busy = time.thread_time() - started
    off = largest_difference(grid, cells)
    note = f"median of {REPEATS}; {min(seconds):.2f} to {max(seconds):.2f}; {len(cells)} cells, {images} images"
    figures = [
        Figure("a map of the classroom model", statistics.median(seconds), "s", GOAL_SECONDS, at_most=True, note=note),
        Figure("its processor time", busy, "s", note="once, in this process; other programs move it less"),
        Figure("cells against preflights", off, "", GOAL_DIFFERENCE, at_most=True, note=f"largest of {CHECKED} cells"),
    ]
    return figures, {"seconds": seconds}
