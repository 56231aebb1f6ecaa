"""Charts of the lesson on the Transformer. Constants, as in `vit_lab.ui.figures.charts`."""

from typing import Any

import altair as alt

from vit_lab.analysis.chart_style import ARM_COLOUR, STEP, constant_spec, made_once
from vit_lab.analysis.colours import GREY, RED, TEAL
from vit_lab.ui.figures.matrix import COSINE

INK = "#1c2426"  # on the boxes, which are light on every page
FILLS = {
    "embed": "#fbc4c4",
    "attention": "#fdd3a2",
    "mlp": "#b5dcf7",
    "norm": "#f3eeb0",
    "linear": "#d9cbf5",
    "softmax": "#bfe8c6",
}
SHARE = alt.Scale(domain=[0, 1])
WEIGHT = alt.Scale(domain=[0, 1], range=["rgba(138,151,155,0.12)", TEAL])  # none of it, all of it; on any page
ROWS = 15.2  # of the drawing, from bottom to top


def _drawing() -> dict[str, Any]:
    """Boxes, lines, arrowheads and words on a sheet 100 wide and ROWS high; the module `drawing` says what is where."""
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 100], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[-0.4, ROWS], nice=False), axis=None)
    base = alt.Chart().encode(x=x, y=y)

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(alt.datum.kind == kind)

    frames = (
        only("frame")
        .mark_rect(filled=False, stroke=GREY, strokeWidth=1.5, cornerRadius=10)
        .encode(x2="x2:Q", y2="y2:Q")
    )
    lines = only("line").mark_line(color=GREY, strokeWidth=1.5).encode(detail="line:N", order="order:Q")
    fills = alt.Scale(domain=list(FILLS), range=list(FILLS.values()))
    boxes = (
        only("box")
        .mark_rect(cornerRadius=4)
        .encode(
            x2="x2:Q",
            y2="y2:Q",
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("detail:N")],
            color=alt.Color("fill:N", scale=fills, legend=None),
        )
    )
    names = only("name").mark_text(fontSize=11.5, fontWeight=600, color=INK).encode(text="name:N")
    details = only("detail").mark_text(fontSize=10.5, color=INK).encode(text="name:N")
    words = only("words").mark_text(fontSize=11.5, color=GREY).encode(text="name:N")
    up = only("up").mark_point(shape="triangle-up", filled=True, size=42, color=GREY, opacity=1)
    right = only("right").mark_point(shape="triangle-right", filled=True, size=42, color=GREY, opacity=1)
    disc = only("plus").mark_point(shape="circle", filled=True, size=190, color=GREY, opacity=1)
    cross = only("plus").mark_point(shape="cross", filled=True, size=60, color="white", opacity=1)
    return constant_spec(alt.layer(frames, lines, boxes, up, right, disc, cross, names, details, words), 660)


def _grid(x_title: str, y_title: str, height: int, colours: alt.Scale, *, labels: bool = True) -> dict[str, Any]:
    """A table of numbers as colours, row by row from the top; the chosen row is framed."""
    base = alt.Chart().encode(
        x=alt.X(
            "x:N",
            title=x_title,
            sort=alt.EncodingSortField("j", op="min"),
            axis=alt.Axis(labelAngle=0, orient="top", labelOverlap=True, ticks=False, labels=labels),
        ),
        y=alt.Y(
            "y:N",
            title=y_title,
            sort=alt.EncodingSortField("i", op="min"),
            axis=alt.Axis(ticks=False, labelOverlap=True),
        ),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("value:Q", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("y:N", title=y_title),
            alt.Tooltip("x:N", title=x_title),
            alt.Tooltip("value:Q", format=".3f"),
        ],
    )
    chosen = base.mark_rect(filled=False, stroke=RED, strokeWidth=2).transform_filter("datum.chosen")
    return constant_spec(alt.layer(cells, chosen), height)


def _symbols() -> dict[str, Any]:
    """How probable each symbol is at one place."""
    by_number = alt.EncodingSortField("i", op="min")
    bars = alt.Chart().mark_bar(color=TEAL, cornerRadius=2)
    bars = bars.encode(
        x=alt.X("symbol:N", title="next symbol", sort=by_number, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title="probability", scale=SHARE, axis=alt.Axis(format=".0%", tickCount=5)),
        opacity=alt.condition("datum.chosen", alt.value(1), alt.value(0.4)),
        tooltip=[alt.Tooltip("symbol:N"), alt.Tooltip("value:Q", format=".2%")],
    )
    return constant_spec(alt.layer(bars), 200)


def _smoothed() -> dict[str, Any]:
    """The loss against the probability of the right symbol, without and with smoothing.

    Rows of kind "least" mark minima.
    """
    base = alt.Chart().encode(
        x=alt.X("x:Q", title="probability given to the right symbol", axis=alt.Axis(format=".0%", grid=False)),
        y=alt.Y("value:Q", title="loss (nats)", axis=alt.Axis(tickCount=5)),
        color=ARM_COLOUR,
        tooltip=[alt.Tooltip("x:Q", format=".1%"), alt.Tooltip("value:Q", format=".3f")],
    )
    line = base.mark_line(strokeWidth=2.4).transform_filter(alt.datum.kind == "loss")
    least = base.mark_point(size=90, filled=True, opacity=1).transform_filter(alt.datum.kind == "least")
    return constant_spec(alt.layer(line, least), 240)


def _rates() -> dict[str, Any]:
    """Learning rates by step."""
    y = alt.Y("value:Q", title="learning rate", axis=alt.Axis(format=".1~e", tickCount=5))
    tooltip = [alt.Tooltip("step:Q", format=",d"), alt.Tooltip("value:Q", format=".3e")]
    line = alt.Chart().mark_line(strokeWidth=2.4).encode(x=STEP, y=y, color=ARM_COLOUR, tooltip=tooltip)
    return constant_spec(alt.layer(line), 240)


DRAWING = made_once(_drawing)
MASK = made_once(_grid, "may read place", "place", 300, WEIGHT)
POSITIONS = made_once(_grid, "feature", "place", 300, COSINE, labels=False)
ATTENTION = made_once(_grid, "reads", "at place", 400, WEIGHT)
SYMBOLS = made_once(_symbols)
SMOOTHED = made_once(_smoothed)
RATES = made_once(_rates)
