"""Charts of the lesson on weight initialisation. Constants, as in `vit_lab.ui.figures.charts`."""

from typing import Any

import altair as alt

from vit_lab.analysis.chart_style import ARM_COLOUR, constant_spec, made_once
from vit_lab.analysis.colours import GREY, TEAL
from vit_lab.probes.gauge import SMALLEST_ENTROPY

TICKS = [0.01, 0.1, 1, 10, 100, 1000]


def _histogram() -> dict[str, Any]:
    """Two arms over one another, in bins of one width."""
    bars = (
        alt.Chart()
        .mark_area(interpolate="step", opacity=0.4, line={"strokeWidth": 1.8})
        .encode(
            x=alt.X("weight:Q", title="weight", axis=alt.Axis(format=".3~g", tickCount=7, grid=False)),
            y=alt.Y("share:Q", title="share of the weights", stack=None, axis=alt.Axis(format=".0%", tickCount=4)),
            color=ARM_COLOUR,
            tooltip=[alt.Tooltip("arm:N"), alt.Tooltip("weight:Q", format=".3g"), alt.Tooltip("share:Q", format=".2%")],
        )
    )
    return constant_spec(alt.layer(bars), 260)


def _same_draw() -> dict[str, Any]:
    """The same weights under both schemes: one point a weight."""
    x = alt.X("a:Q", title="the weight under A", axis=alt.Axis(format=".2~g", tickCount=5))
    y = alt.Y("b:Q", title="the same weight under B", axis=alt.Axis(format=".2~g", tickCount=5))
    share = alt.Tooltip("u:Q", title="share below", format=".1%")
    tooltip = [share, alt.Tooltip("a:Q", format=".3g"), alt.Tooltip("b:Q", format=".3g")]
    points = alt.Chart().mark_point(filled=True, size=26, opacity=0.7, color=TEAL)
    return constant_spec(alt.layer(points.encode(x=x, y=y, tooltip=tooltip)), 260)


def _depth() -> dict[str, Any]:
    """RMS by depth on a logarithmic axis; rows of kind "formula" are dashed."""
    x = alt.X("depth:Q", title="depth", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    axis = alt.Axis(format="~g", tickCount=6, grid=False)
    y = alt.Y("value:Q", title="activation RMS", scale=alt.Scale(type="log"), axis=axis)
    tooltip = [alt.Tooltip("name:N", title="variance"), alt.Tooltip("depth:Q"), alt.Tooltip("value:Q", format=".3g")]
    base = alt.Chart().encode(x=x, y=y, color=ARM_COLOUR, tooltip=tooltip)
    formula = base.mark_line(strokeDash=[5, 4], strokeWidth=1.5).transform_filter(alt.datum.kind == "formula")
    measured = base.transform_filter(alt.datum.kind == "measured")
    line, points = measured.mark_line(strokeWidth=1.5, opacity=0.6), measured.mark_point(filled=True, size=50)
    return constant_spec(alt.layer(formula, line, points), 280)


def _by_scale(title: str, y: alt.Scale, guide: float | None, number_format: str) -> dict[str, Any]:
    """A measure of every head against the scale of the variance of q and k: heads as dots, their mean as a line."""
    powers, axis = alt.Scale(type="log", nice=False, padding=12), alt.Axis(format="~g", grid=False, values=TICKS)
    head = alt.Tooltip("head:N", title="block/head")
    base = alt.Chart().encode(
        x=alt.X("scale:Q", title="variance of queries and keys ×", scale=powers, axis=axis),
        y=alt.Y("value:Q", title=title, scale=y, axis=alt.Axis(format=number_format, tickCount=6)),
        tooltip=[alt.Tooltip("scale:Q", format=".3g"), head, alt.Tooltip("value:Q", format=".3g")],
    )
    dots = base.mark_point(filled=True, size=26, opacity=0.35, color=GREY).transform_filter(alt.datum.kind == "head")
    mean = base.mark_line(strokeWidth=2.6, color=TEAL, point=alt.OverlayMarkDef(size=50, color=TEAL))
    layers = [dots, mean.transform_filter(alt.datum.kind == "mean")]
    if guide is not None:
        layers.append(alt.Chart().mark_rule(strokeDash=[5, 4], color=GREY).encode(y=alt.datum(guide)))
    return constant_spec(alt.layer(*layers), 260)


HISTOGRAM = made_once(_histogram)
SAME_DRAW = made_once(_same_draw)
DEPTH = made_once(_depth)
ENTROPY = made_once(_by_scale, "entropy / log N", alt.Scale(domain=[0, 1]), SMALLEST_ENTROPY, ".1f")
LOGIT = made_once(_by_scale, "largest |q·k| / √d_k", alt.Scale(type="log"), None, "~g")
