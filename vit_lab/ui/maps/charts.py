"""A map of starts: its specs, one for each choice of axes and colour, and the rows that they draw."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt
import pandas as pd

from vit_lab.analysis.arms import COLOURS, letter
from vit_lab.analysis.chart_style import constant_spec
from vit_lab.analysis.colours import GREY
from vit_lab.analysis.ends import End
from vit_lab.axes import AXES, Grid
from vit_lab.ui.maps.contour import Point, contour
from vit_lab.ui.maps.dots import Dot

if TYPE_CHECKING:
    from vit_lab.probes.gauge import Cell

MARKS = {  # what stands in a cell for its first finding; a healthy one is empty
    "blocks are silent": "○",
    "attention saturates": "×",
    "signal explodes": "▲",
    "overconfident start": "!",
    "not a number": "∅",
}
HEALTHY = "healthy"
ARM_POINT = 420  # square pixels
HEIGHT = 430


class Shade(NamedTuple):
    """A number that colours a map, and its colours, which are the same on every map."""

    words: str
    scale: alt.Scale
    format: str
    bright: float  # from here on, a mark in the cell is dark


SHADES = {
    "entropy": Shade("attention entropy / log N", alt.Scale(scheme="viridis", domain=[0, 1], clamp=True), ".1f", 0.6),
    "signal": Shade(
        "size of the tokens, end over start",
        alt.Scale(type="log", scheme="viridis", domain=[1, 100], clamp=True),
        "~g",
        15,
    ),
    "similarity": Shade("cosine between tokens", alt.Scale(scheme="viridis", domain=[0, 1], clamp=True), ".1f", 0.6),
}


@cache
def start_map_spec(across: str, up: str, shade: str) -> dict[str, Any]:
    """The spec of a map with these axes and this colour; its rows, of several kinds, come in one table."""
    words, scale, number, bright = SHADES[shade]
    ends = [
        alt.Tooltip("x:Q", title=AXES[across].words, format=".3~g"),
        alt.Tooltip("y:Q", title=AXES[up].words, format=".3~g"),
    ]
    told = [
        alt.Tooltip("finding:N", title="start"),
        alt.Tooltip("entropy:Q", title="attention entropy", format=".3f"),
        alt.Tooltip("signal:Q", title="size of the tokens, end / start", format=".3~g"),
        alt.Tooltip("similarity:Q", title="cosine between tokens", format=".3f"),
        alt.Tooltip("spread:Q", title="scores, of the border's", format=".3~g"),
    ]
    legend = alt.Legend(orient="top", gradientThickness=10, gradientLength=200, format=number, titleLimit=400)
    ink = alt.condition(f"datum.{shade} >= {bright}", alt.value("#1d2b30"), alt.value("#ffffff"))
    colour = alt.Color(f"{shade}:Q", title=words, scale=scale, legend=legend)
    x, y, left, low = (
        _along(alt.X, across, "x"),
        _along(alt.Y, up, "y"),
        _along(alt.X, across, "left"),
        _along(alt.Y, up, "low"),
    )
    area, middle = {"x": left, "y": low, "x2": "right:Q", "y2": "high:Q"}, {"x": x, "y": y}
    cells, line, arms = (alt.Chart().transform_filter(alt.datum.kind == kind) for kind in ("cell", "border", "arm"))
    dots = arms.encode(**middle, tooltip=[alt.Tooltip("arm:N"), *ends, alt.Tooltip("finding:N", title="is")])
    look = {"fill": alt.Fill("fill:N", scale=None), "stroke": alt.Stroke("stroke:N", scale=None)}
    layers = [
        cells.mark_rect(stroke=None).encode(**area, color=colour, tooltip=ends + told),
        cells.mark_text(fontSize=13, fontWeight=700).encode(**middle, text="mark:N", color=ink, tooltip=ends + told),
        *(
            line.mark_rule(strokeWidth=w, color=c, strokeCap="round").encode(**area)
            for w, c in ((6, "#111111"), (3, "white"))
        ),
        dots.mark_point(size=ARM_POINT, opacity=1, strokeWidth=3).encode(**look),
        dots.mark_text(fontSize=13, fontWeight=700).encode(text="arm:N", color=alt.Color("stroke:N", scale=None)),
    ]
    return constant_spec(alt.layer(*layers).resolve_scale(color="independent"), HEIGHT)


def start_map_rows(grid: Grid, cells: Sequence["Cell"], dots: Sequence[Dot]) -> pd.DataFrame:
    """What a spec draws: a row a cell, with its edges; then the pieces of the border; then the arms."""
    table: list[dict[str, Any]] = [
        {
            "kind": "cell",
            **area,
            **{"entropy": cell.start.entropy, "signal": cell.start.growth, "similarity": cell.similarity},
            "spread": cell.spread,
            "finding": ", ".join(cell.findings) or HEALTHY,
            "mark": MARKS[cell.findings[0]] if cell.findings else "",
        }
        for area, cell in zip(_areas(grid).values(), cells, strict=True)
    ]
    for (left, low), (right, high) in border(grid, cells):
        table.append({"kind": "border", "left": left, "right": right, "low": low, "high": high})
    for arm, (x, y), on_it in dots:
        colour = COLOURS[arm % len(COLOURS)]
        inside, ink = (colour, "white") if on_it else ("white", colour)
        where = "on this map" if on_it else "beside it: another scheme, at its variance"
        table.append(
            {"kind": "arm", "x": x, "y": y, "arm": letter(arm), "fill": inside, "stroke": ink, "finding": where}
        )
    return pd.DataFrame(table)


@cache
def end_map_spec(across: str, up: str) -> dict[str, Any]:
    """The spec of a map of ends with these axes; cells without runs are empty."""
    told = [
        alt.Tooltip("x:Q", title=AXES[across].words, format=".3~g"),
        alt.Tooltip("y:Q", title=AXES[up].words, format=".3~g"),
        alt.Tooltip("accuracy:Q", title="test accuracy, mean", format=".1%"),
        alt.Tooltip("runs:Q"),
        alt.Tooltip("diverged:Q"),
        alt.Tooltip("silent:Q", title="below twice guessing"),
    ]
    legend = alt.Legend(orient="top", gradientThickness=10, gradientLength=200, format=".0%", titleLimit=400)
    colour = alt.Color(
        "accuracy:Q", title="test accuracy", scale=alt.Scale(scheme="viridis", domain=[0, 1]), legend=legend
    )
    ink = alt.condition("datum.accuracy >= 0.6", alt.value("#1d2b30"), alt.value("#ffffff"))
    left, low = _along(alt.X, across, "left"), _along(alt.Y, up, "low")
    area = {"x": left, "y": low, "x2": "right:Q", "y2": "high:Q"}
    middle = {"x": _along(alt.X, across, "x"), "y": _along(alt.Y, up, "y")}
    cells = alt.Chart().transform_filter("isValid(datum.accuracy)")
    layers = [
        alt.Chart().mark_rect(color=GREY, opacity=0.15).encode(**area),
        cells.mark_rect().encode(**area, color=colour, tooltip=told),
        cells.mark_text(fontSize=13, fontWeight=700).encode(**middle, text="mark:N", color=ink, tooltip=told),
    ]
    return constant_spec(alt.layer(*layers), HEIGHT)


def end_map_rows(grid: Grid, found: Mapping[Point, End]) -> pd.DataFrame:
    """What it draws: a row a cell, whether it has runs or not."""
    table = []
    for place, area in _areas(grid).items():
        end = found.get(place)
        lost = end is not None and end.diverged > 0
        mark = (
            "" if end is None else MARKS["not a number"] if lost else MARKS["blocks are silent"] if end.silent else ""
        )
        table.append(area | {"mark": mark} | (vars(end) if end else dict.fromkeys(End.__dataclass_fields__)))
    return pd.DataFrame(table)


def border(grid: Grid, cells: Sequence["Cell"]) -> list[tuple[Point, Point]]:
    """Where the first block's scores leave their uniform phase; nothing if no axis moves them, or none does so far."""
    if not any(axis.moves_scores for axis in grid.axes):
        return []
    spreads = {place: cell.spread for place, cell in zip(grid.places, cells, strict=True)}
    return list(contour(spreads, *grid.values))


def _areas(grid: Grid) -> dict[Point, dict[str, Any]]:
    """Middle and edges of each cell, by its place and in the order of places."""
    wide, tall = map(_edges, grid.values)
    return {
        (x, y): {
            **{"x": x, "left": wide[x][0], "right": wide[x][1]},
            **{"y": y, "low": tall[y][0], "high": tall[y][1]},
        }
        for x, y in grid.places
    }


def _along(channel: Any, axis: str, field: str) -> Any:
    """A position on an axis of a map, which is logarithmic and ends where the cells do."""
    ticks = alt.Axis(values=list(AXES[axis].ticks), format="~g", grid=False)
    return channel(f"{field}:Q", title=AXES[axis].words, scale=alt.Scale(type="log", nice=False), axis=ticks)


def _edges(values: Sequence[float]) -> dict[float, Point]:
    """Lower and upper edge of the cells along an axis: halfway to their neighbours, on a logarithmic axis."""
    logs = [math.log(value) for value in values]
    inner = [(a + b) / 2 for a, b in pairwise(logs)]
    ends = [2 * logs[0] - inner[0], *inner, 2 * logs[-1] - inner[-1]]
    return {value: (math.exp(a), math.exp(b)) for value, (a, b) in zip(values, pairwise(ends), strict=True)}
