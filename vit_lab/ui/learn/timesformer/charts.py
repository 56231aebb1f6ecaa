"""Charts of the lesson on the TimeSformer. Constants, as in `vit_lab.ui.figures.charts`."""

from typing import Any

import altair as alt

from vit_lab.analysis.chart_style import ARM_COLOUR, constant_spec, made_once
from vit_lab.analysis.colours import GREY, OTHERS, TEAL

RATIOS = {"measured": TEAL, "all multiplications": OTHERS[1], "attention scores alone": GREY}


FRAMES = alt.X(
    "frames:Q",
    title="frames T",
    scale=alt.Scale(type="log", base=2, nice=False, padding=16),
    axis=alt.Axis(values=[2, 4, 8, 16, 32], format="d", grid=False),
)
LOG = alt.Scale(type="log", nice=False, padding=12)


def _milliseconds() -> dict[str, Any]:
    """Time of a step by number of frames."""
    axis = alt.Axis(format="~g", values=[1, 2, 5, 10, 20, 50, 100, 200, 500], grid=False)
    y = alt.Y("value:Q", title="milliseconds a step", scale=LOG, axis=axis)
    tooltip = [alt.Tooltip("way:N"), alt.Tooltip("frames:Q"), alt.Tooltip("value:Q", title="ms", format=".3g")]
    return constant_spec(alt.layer(_line().encode(x=FRAMES, y=y, color=ARM_COLOUR, tooltip=tooltip)), 300)


def _ratios() -> dict[str, Any]:
    """How many times as dear joint attention is, as measured and as counted."""
    kinds = alt.Scale(domain=list(RATIOS), range=list(RATIOS.values()))
    y = alt.Y(
        "value:Q",
        title="joint / divided",
        scale=LOG,
        axis=alt.Axis(format="~g", values=[0.5, 1, 2, 5, 10, 20], grid=False),
    )
    tooltip = [alt.Tooltip("by:N"), alt.Tooltip("frames:Q"), alt.Tooltip("value:Q", format=".3g")]
    colour = alt.Color("by:N", scale=kinds, title=None, legend=None)
    line = _line().encode(x=FRAMES, y=y, color=colour, tooltip=tooltip)
    even = alt.Chart().mark_rule(strokeDash=[5, 4], color=GREY).encode(y=alt.datum(1))
    return constant_spec(alt.layer(even, line), 300)


def _line() -> alt.Chart:
    return alt.Chart().mark_line(strokeWidth=2.4, point=alt.OverlayMarkDef(size=60))


def _answers() -> dict[str, Any]:
    """The probability of each direction, the arms beside one another."""
    share = alt.Scale(domain=[0, 1])
    bars = alt.Chart().mark_bar(cornerRadius=2)
    bars = bars.encode(
        x=alt.X("answer:N", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("arm:N"),
        y=alt.Y("value:Q", title="probability", scale=share, axis=alt.Axis(format=".0%", tickCount=5)),
        color=ARM_COLOUR,
        tooltip=[alt.Tooltip("arm:N"), alt.Tooltip("answer:N"), alt.Tooltip("value:Q", format=".1%")],
    )
    return constant_spec(alt.layer(bars), 200)


MILLISECONDS = made_once(_milliseconds)
RATIO = made_once(_ratios)
ANSWERS = made_once(_answers)
