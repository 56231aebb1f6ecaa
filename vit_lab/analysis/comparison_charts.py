"""Chart specs for experiments: curves over seeds, pairs, differences, the arch. Constants, as in `charts`."""

from functools import cache
from itertools import product
from typing import Any

import altair as alt

from vit_lab.analysis.chart_style import ARM_COLOUR, constant_spec, made_once, named_ends, sized
from vit_lab.analysis.colours import GREY, OTHERS, TEAL

RULE = {"strokeDash": [5, 4], "color": GREY}
NAMES = 100  # pixels at the right of a chart for the names of its arms


def _seed_curves(y_title: str, y_format: str, *, log: bool, by_time: bool) -> dict[str, Any]:
    """Rows of kind "run" are thin lines, one a seed; rows of kind "mean" a bold line with its named band."""
    y = alt.Y(
        "value:Q",
        title=y_title,
        axis=alt.Axis(format=y_format, tickCount=6),
        scale=alt.Scale(type="log" if log else "linear", zero=False, nice=True),
    )
    x = alt.X("x:Q", title="seconds of training" if by_time else "step", axis=alt.Axis(format=",~r", grid=False))
    base = alt.Chart().encode(x=x, color=ARM_COLOUR)
    tooltip = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("name:N", title="init"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("value:Q", format=".4~g"),
    ]
    band = base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q"), y2="high:Q").transform_filter("isValid(datum.low)")
    thin = (
        base.mark_line(strokeWidth=1, opacity=0.5)
        .encode(y=y, detail=["run:N"], tooltip=tooltip)
        .transform_filter(alt.datum.kind == "run")
    )
    mean = base.mark_line(strokeWidth=3).encode(y=y, tooltip=tooltip).transform_filter(alt.datum.kind == "mean")
    return constant_spec(alt.layer(band, thin, mean, *named_ends(x, y)), 320, right=NAMES)


WAYS = tuple(product((False, True), repeat=2))  # logarithmic or not, by time or by step
ACCURACY_CURVES = {way: made_once(_seed_curves, "accuracy", ".0%", log=way[0], by_time=way[1]) for way in WAYS}
LOSS_CURVES = {way: made_once(_seed_curves, "loss, nats", ".3~g", log=way[0], by_time=way[1]) for way in WAYS}


def _final_dots() -> dict[str, Any]:
    """One dot a run; a line joins the runs of a seed; a bar is the mean with its 95 % interval."""
    x = alt.X("arm:N", title=None, axis=alt.Axis(labelAngle=0, labelFontSize=13), scale=alt.Scale(padding=0.6))
    y = alt.Y(
        "score:Q",
        title="accuracy",
        axis=alt.Axis(format=".1%", tickCount=6, tickMinStep=0.001),
        scale=alt.Scale(zero=False),
    )
    tooltip = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("score:Q", format=".2%"),
        alt.Tooltip("state:N"),
    ]
    runs = alt.Chart().transform_filter(alt.datum.kind == "run")
    pairs = runs.mark_line(strokeWidth=1, color=GREY, opacity=0.6).encode(x=x, y=y, detail=["seed:N"])
    dots = runs.mark_point(filled=True, size=70, opacity=0.9).encode(
        x=x,
        y=y,
        color=ARM_COLOUR,
        shape=alt.Shape(
            "state:N", scale=alt.Scale(domain=["finished", "diverged"], range=["circle", "cross"]), legend=None
        ),
        tooltip=tooltip,
    )
    means = alt.Chart().transform_filter(alt.datum.kind == "mean")
    bar = means.mark_rule(strokeWidth=4, opacity=0.55).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=ARM_COLOUR)
    tick = means.mark_tick(thickness=4, width=34).encode(x=x, y=y, color=ARM_COLOUR, tooltip=tooltip)
    return constant_spec(alt.layer(pairs, bar, dots, tick), 320)


BELOW = 12  # pixels from an interval to the dots of its pairs


def _differences() -> dict[str, Any]:
    """One row a comparison: each pair's difference as a dot, the mean as a diamond on its 95 % interval, 0 dashed."""
    y = alt.Y("comparison:N", title=None, sort=None, axis=alt.Axis(labelLimit=260, labelFontSize=13))
    x = alt.X("difference:Q", title="difference in accuracy, points", axis=alt.Axis(format="+.3~g", tickCount=6))
    colour = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=["decided", "not decided"], range=[TEAL, GREY]),
        legend=None,
    )
    tooltip = [alt.Tooltip("comparison:N"), alt.Tooltip("seed:N"), alt.Tooltip("difference:Q", format="+.2f")]
    pairs = alt.Chart().transform_filter(alt.datum.kind == "pair")
    under = {"yOffset": BELOW}  # the interval, which would hide them
    dots = pairs.mark_point(filled=True, size=36, opacity=0.7, color=GREY, **under).encode(x=x, y=y, tooltip=tooltip)
    means = alt.Chart().transform_filter(alt.datum.kind == "mean")
    bar = means.mark_rule(strokeWidth=4).encode(x=alt.X("low:Q"), x2="high:Q", y=y, color=colour)
    diamond = means.mark_point(filled=True, size=150, shape="diamond", opacity=1).encode(
        x=x, y=y, color=colour, tooltip=tooltip
    )
    zero = alt.Chart().mark_rule(**RULE).encode(x=alt.datum(0))
    spec = constant_spec(alt.layer(zero, dots, bar, diamond), 0)
    spec["height"] = {"step": 46}
    return spec


def _arch() -> dict[str, Any]:
    """Accuracy against the variance scale, a curve a condition; rows of kind "mark" name schemes on the axis."""
    x = alt.X(
        "place:Q",
        title="variance ×",
        scale=alt.Scale(type="log", nice=False, padding=24),
        axis=alt.Axis(format="~g", grid=False),
    )
    y = alt.Y(
        "score:Q",
        title="test accuracy",
        axis=alt.Axis(format=".0%", tickCount=7, tickMinStep=0.01),
        scale=alt.Scale(zero=False),
    )
    hues, legend = alt.Scale(range=list(OTHERS)), alt.Legend(orient="top", labelLimit=400)
    colour = alt.Color("condition:N", title="condition", sort=None, scale=hues, legend=legend)
    score = alt.Tooltip("score:Q", format=".2%")
    tooltip = [alt.Tooltip("condition:N"), alt.Tooltip("scale:Q"), alt.Tooltip("n:Q"), score]
    means = alt.Chart().transform_filter(alt.datum.kind == "mean")
    bars = means.mark_rule(strokeWidth=3, opacity=0.6).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
    line = means.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=60)).encode(
        x=x, y=y, color=colour, tooltip=tooltip
    )
    dots = (
        alt.Chart()
        .transform_filter(alt.datum.kind == "run")
        .mark_point(filled=True, size=26, opacity=0.45)
        .encode(x=x, y=y, color=colour)
    )
    marks = alt.Chart().transform_filter(alt.datum.kind == "mark")
    rules = marks.mark_rule(**RULE).encode(x=x)
    names = marks.mark_text(align="left", dx=14, baseline="top", color=GREY, fontSize=sized(12, 18)).encode(
        x=x, y=alt.value(4), text="name:N"
    )
    return constant_spec(alt.layer(rules, names, dots, bars, line), 420)


@cache
def over(setting: str, *, log: bool, whole: bool) -> dict[str, Any]:
    """Accuracy against a setting that the conditions vary, a line an arm; bars are 95 % intervals of the mean.

    The axis of a setting that is counted in whole numbers has no ticks between them.
    """
    scale = alt.Scale(type="log" if log else "linear", zero=False, nice=False, padding=24)
    ticks = {"tickMinStep": 1} if whole else {}
    words = "datum.value == round(datum.value) ? format(datum.value, ',d') : ''" if whole else alt.Undefined
    axis = alt.Axis(format=",~g", labelExpr=words, grid=False, **ticks)
    x = alt.X("place:Q", title=setting, scale=scale, axis=axis)
    y = alt.Y(
        "score:Q",
        title="test accuracy",
        axis=alt.Axis(format=".0%", tickCount=7, tickMinStep=0.01),
        scale=alt.Scale(zero=False),
    )
    score = alt.Tooltip("score:Q", format=".2%")
    tooltip = [alt.Tooltip("arm:N"), alt.Tooltip("name:N", title="init"), alt.Tooltip("value:Q"), score]
    means = alt.Chart().transform_filter(alt.datum.kind == "mean")
    bars = means.mark_rule(strokeWidth=3, opacity=0.6).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=ARM_COLOUR)
    line = means.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=60)).encode(
        x=x, y=y, color=ARM_COLOUR, tooltip=tooltip
    )
    runs = alt.Chart().transform_filter(alt.datum.kind == "run")
    dots = runs.mark_point(filled=True, size=26, opacity=0.45).encode(x=x, y=y, color=ARM_COLOUR)
    return constant_spec(alt.layer(dots, bars, line, *named_ends(x, y)), 340, right=NAMES)


def _guesses() -> dict[str, Any]:
    """Guesses above the axis, pairs below it, a dot each; on it the mean of the pairs with its 95 % interval."""
    x = alt.X(
        "points:Q",
        title="points by which B is ahead; left of 0, A is",
        axis=alt.Axis(format="+.3~g", tickCount=9, titleFontSize=15, labelFontSize=15, grid=False),
        scale=alt.Scale(zero=True, nice=True, padding=20),
    )
    y = alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[-1.1, 1.1]))
    middle = alt.YDatum(0, axis=None)
    tooltip = [alt.Tooltip("name:N"), alt.Tooltip("kind:N"), alt.Tooltip("points:Q", format="+.1f")]
    marks = []
    for kind, shape, filled in (("guess", "triangle-down", False), ("pair", "circle", True)):
        mark = alt.Chart().mark_point(shape=shape, filled=filled, size=150, strokeWidth=2.5, opacity=0.9)
        marks.append(mark.encode(x=x, y=y, color=ARM_COLOUR, tooltip=tooltip).transform_filter(alt.datum.kind == kind))
    axis = alt.Chart().mark_rule(color=GREY, opacity=0.5).encode(y=middle)
    zero = alt.Chart().mark_rule(**RULE).encode(x=alt.datum(0))
    means = alt.Chart().transform_filter(alt.datum.kind == "mean")
    bar = means.mark_rule(strokeWidth=7, color=TEAL, opacity=0.75).encode(x=alt.X("low:Q"), x2="high:Q", y=middle)
    diamond = means.mark_point(filled=True, size=260, shape="diamond", opacity=1, color=TEAL).encode(
        x=x, y=middle, tooltip=tooltip
    )
    words = [
        alt.Chart()
        .mark_text(align="left", x=8, fontSize=15, color=GREY, text=text)
        .encode(y=alt.YDatum(place, axis=None))
        .transform_aggregate(count="count()")
        for text, place in (("guesses", 1), ("pairs", -1))
    ]
    return constant_spec(alt.layer(axis, zero, *marks, bar, diamond, *words), 260)


FINAL_DOTS = made_once(_final_dots)
DIFFERENCES = made_once(_differences)
GUESSES = made_once(_guesses)
ARCH = made_once(_arch)
