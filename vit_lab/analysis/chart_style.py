"""What all charts have in common, made once: the arms' colours, the axis of steps, a spec that stays constant."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import altair as alt
import pandas as pd  # noqa: F401 - Altair stumbles over a pandas that another thread has half loaded

from vit_lab.analysis.arms import COLOURS, LETTERS

ARM_COLOUR = alt.Color("arm:N", scale=alt.Scale(domain=list(LETTERS), range=list(COLOURS)), legend=None)
TALL = 460  # pixels: a chart fills the screen if what is inside its axes is taller
LARGE = "large"  # the parameter of every chart that says so
SpecMaker = Callable[[], dict[str, Any]]  # what is drawn at the first call
STEP = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, tickCount=7, format=",d", grid=False))
# Rows of split "extent" hold the planned steps, so that the axis spans the whole run from its start.
EXTENT = alt.Chart().mark_point(opacity=0).encode(x=STEP).transform_filter(alt.datum.split == "extent")


def sized(usual: int, large: int) -> Any:
    """A size of letters, and what it becomes where the chart fills the screen: to be read from the last row."""
    return alt.expr(f"{LARGE} ? {large} : {usual}")


def named_ends(x: Any, y: Any) -> list[alt.Chart]:
    """The name of each arm at the end of its line, so that a picture tells who is who wherever it goes.

    Of rows of split "name" and "name, late": the latter stand at the right edge, and their words end there.
    """
    words = alt.Chart().transform_calculate(who="datum.arm + '  ' + datum.name")
    styles = {"name": {"align": "left", "dx": 9}, "name, late": {"align": "right", "dx": 0}}
    return [
        words.mark_text(fontWeight=700, fontSize=sized(13, 22), baseline="middle", limit=sized(190, 600), **style)
        .encode(x=x, y=y, color=ARM_COLOUR, text="who:N")
        .transform_filter(alt.datum.split == split)
        for split, style in styles.items()
    ]


def constant_spec(chart: alt.LayerChart, height: int, *, is_large: bool = False, right: int = 14) -> dict[str, Any]:
    """A chart as the dict that Streamlit can keep, without its data, which arrive with each update.

    Letters grow where it fills the screen, or always, if it is large. So many pixels are left free at its right: the
    last label of an axis is wider than its tick, and names of lines may stand there.
    """
    spec = chart.properties(height=height).to_dict(validate=False)  # which takes half of the time; a test does
    del spec["datasets"]
    for part in (spec, *spec["layer"]):
        part.pop("data", None)  # the rows arrive with each update
    large = "true" if is_large else f"height > {max(TALL, height * 1.2):g}"
    spec["params"] = [*spec.get("params", []), {"name": LARGE, "expr": large}]
    letters = {"labelFontSize": _letters(12, 18), "titleFontSize": _letters(12, 18)}
    spec["padding"] = {"left": 2, "right": right, "top": 4, "bottom": 4}
    spec["config"] = {
        "view": {"strokeOpacity": 0},
        "axis": {"labelFlush": False, **letters},  # a label stands at its line
        "legend": letters,
    }
    return spec


def made_once(draw: Callable[..., dict[str, Any]], *arguments: Any, **settings: Any) -> SpecMaker:
    """A constant spec that is made when it is first asked for: Altair takes some 30 ms for each, and few are shown."""
    return cache(partial(draw, *arguments, **settings))


def _letters(usual: int, large: int) -> dict[str, str]:
    return {"expr": f"{LARGE} ? {large} : {usual}"}
