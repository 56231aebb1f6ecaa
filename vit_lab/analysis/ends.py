"""A map of ends: what stored runs came to, laid out along the axes of a map of starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from vit_lab.analysis.scores import has_learned, score_of
from vit_lab.axes import Grid
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.settings import configure


@dataclass(frozen=True)
class End:
    """What the runs of one cell came to.

    `accuracy` is their mean on the test images, a diverged run counted as guessing, as in a comparison. Those that are
    `silent` have finished without having learned anything.
    """

    accuracy: float
    runs: int
    diverged: int
    silent: int


def ends(grid: Grid, runs: Iterable[RunRecord]) -> dict[tuple[float, float], End]:
    """The cells that have runs, by their place: ended runs of the grid's base but for its axes, the seed and the name.

    Pilots, and runs whose settings cannot be read here, are left out.
    """
    found: dict[tuple[float, float], list[RunRecord]] = {}
    for run in runs:
        if run.has_ended and not run.pilot and not run.unreadable and (place := _place(grid, run)):
            found.setdefault(place, []).append(run)
    cells = set(grid.places)
    return {place: _end(together) for place, together in found.items() if place in cells}


def _place(grid: Grid, run: RunRecord) -> tuple[float, float] | None:
    config, base = run.config, grid.base
    if config.fork or config.data != base.data or config.optim != base.optim or config.model.kind != base.model.kind:
        return None  # as most runs of a full store, and told at once
    return grid.place_of(configure(config, seed=base.seed))


def _end(runs: list[RunRecord]) -> End:
    scores = [(run, score_of(run) or 0.0) for run in runs]
    diverged = sum(run.status == Status.DIVERGED for run in runs)
    return End(
        accuracy=fmean(score for _, score in scores),
        runs=len(runs),
        diverged=diverged,
        silent=sum(not has_learned(run, score) for run, score in scores) - diverged,
    )
