"""Where the arms of a form lie on a map of starts."""

from collections.abc import Sequence
from typing import NamedTuple

from vit_lab.axes import Grid
from vit_lab.config import InitConfig, RunConfig
from vit_lab.init.schemes import ALONE, SCHEMES, expected_variance
from vit_lab.ui.maps.contour import Point

COVERS_ALL = ({"all-weights"}, {"queries-keys", "values-mlp"})  # axes that together move the variance in all blocks


class Dot(NamedTuple):
    """An arm on a map. One that is not `on_it` is of another scheme, and stands where its variance would lie."""

    arm: int
    place: Point
    on_it: bool


def dots(grid: Grid, arms: Sequence[RunConfig]) -> list[Dot]:
    """The arms that have a place within a map; the others are left out.

    An arm of another scheme has one if a variance is all that tells the schemes apart in matrices of D by D, and the
    axes move that of all blocks: (variance of the arm's scheme) / (variance of the map's) from where it would be.
    """
    found = []
    for arm, config in enumerate(arms):
        if place := grid.place_of(config):
            found.append(Dot(arm, place, True))
        elif place := _beside(grid, config):
            found.append(Dot(arm, place, False))
    return [dot for dot in found if _is_within(dot.place, grid)]


def _beside(grid: Grid, config: RunConfig) -> Point | None:
    theirs, ours = config.init, grid.base.init
    own = {"scheme": ours.scheme, "gamma": ours.gamma}
    place = grid.place_of(config.model_copy(update={"init": theirs.model_copy(update=own)}))
    axes = {grid.across, grid.up}
    moved = next((covered for covered in COVERS_ALL if covered <= axes), None)
    if place is None or moved is None or not (SCHEMES[theirs.scheme].is_alike and SCHEMES[ours.scheme].is_alike):
        return None
    factor = _variance(theirs, config.model.dim) / _variance(ours, config.model.dim)
    x, y = (value * factor if axis.name in moved else value for axis, value in zip(grid.axes, place, strict=True))
    return x, y


def _variance(init: InitConfig, dim: int) -> float:
    return expected_variance(InitConfig(scheme=init.scheme, gamma=init.gamma), ALONE, dim, dim)


def _is_within(place: Point, grid: Grid) -> bool:
    return all(values[0] <= value <= values[-1] for value, values in zip(place, grid.values, strict=True))
