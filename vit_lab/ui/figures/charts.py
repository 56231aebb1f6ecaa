"""Chart specs, made once. A live chart is one of these plus fresh rows; whatever text changes stands outside.

Streamlit keeps a chart's picture and swaps only its data while the spec stays equal, so nothing here may
depend on a run.
"""

from typing import Any

import altair as alt

from vit_lab.analysis.chart_style import ARM_COLOUR, EXTENT, STEP, constant_spec, made_once, named_ends, sized
from vit_lab.analysis.colours import GREY, RED
from vit_lab.analysis.comparison_charts import NAMES
from vit_lab.config import GROUPS, GroupName
from vit_lab.places import GROUP_NAMES
from vit_lab.ui.words import LIVE_WEIGHTS

CLICKED = "clicked"  # the point of a curve that a person has chosen: its run and its step
SHORT = ".2~r"  # a number of a colour bar, in two digits that count and without powers of ten
ROW = 17  # pixels of a layer in a map
THIN, BOLD = {"strokeWidth": 1.2, "opacity": 0.4}, {"strokeWidth": 2.6}
FINGER = 450  # square pixels around a point in which a click is meant for it


def _curves(
    title: str, unit: str | None, y_format: str, height: int = 300, *, is_large: bool = False
) -> dict[str, Any]:
    """Thin lines for the training batches, bold ones with points for the validation images, an arm's name at its end.

    What a fork has from its parent is dashed. The points can be clicked, within a finger's width.
    """
    words = f"{title.lower()}, {unit}" if unit else title.lower()
    y = alt.Y("value:Q", title=words, axis=alt.Axis(format=y_format, tickCount=6))
    tooltip = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("name:N", title="init"),
        alt.Tooltip("split:N", title="on"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("value:Q", title=f"{title.lower()} ({unit})" if unit else title.lower(), format=".4f"),
    ]
    base = alt.Chart().encode(x=STEP, y=y, color=ARM_COLOUR, detail=["run:N"], tooltip=tooltip)
    before = [
        base.mark_line(strokeDash=[5, 4], **style).transform_filter(alt.datum.split == f"{split}, parent")
        for split, style in (("training", THIN), ("validation", BOLD))
    ]
    training = base.mark_line(**THIN).transform_filter(alt.datum.split == "training")
    validation = base.mark_line(**BOLD, point=alt.OverlayMarkDef(size=34)).transform_filter(
        alt.datum.split == "validation"
    )
    clicked = alt.selection_point(name=CLICKED, fields=["run", "step"], on="click", toggle=False)
    near = base.mark_point(size=FINGER, filled=True, opacity=0, cursor="pointer").transform_filter(
        alt.FieldOneOfPredicate("split", ["validation", "validation, parent"])
    )
    named = alt.Title(title, anchor="start", fontSize=sized(16, 24))
    layers = (EXTENT, *before, training, validation, near.add_params(clicked), *named_ends(STEP, y))
    return constant_spec(alt.layer(*layers).properties(title=named), height, is_large=is_large)


SMALL = 200  # pixels, of which title and axes take 80


def _small(title: str, group: GroupName, *, log: bool = False) -> dict[str, Any]:
    """A small chart of one weight statistic of one group of matrices, which is named above it."""
    scale = alt.Scale(type="log", nice=True) if log else alt.Scale(zero=True)
    axis = alt.Axis(tickCount=3, format=".2~r" if log else ".3~g")
    y = alt.Y("value:Q", title=title.split()[0], axis=axis, scale=scale)  # the heading says the rest
    tooltip = [alt.Tooltip("arm:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q", title=title, format=".4g")]
    x = alt.X("step:Q", title="step", axis=alt.Axis(tickCount=3, format=",d", grid=False))
    line = (
        alt.Chart()
        .mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=16))
        .encode(x=x, y=y, color=ARM_COLOUR, detail=["run:N"], tooltip=tooltip)
        .transform_filter(alt.datum.split != "extent")
    )
    named = alt.Title(GROUP_NAMES[group], anchor="start", fontSize=13, fontWeight="normal")
    return constant_spec(alt.layer(EXTENT.encode(x=x), line).properties(title=named), SMALL)


def _by_place(
    x: str, title: str, y_title: str, *, height: int = 220, rule: float | None = None, log: bool = False
) -> dict[str, Any]:
    """A measure at one moment against depth, layer or block, one line an arm; `rule` draws a guide line."""
    sort = None  # as the rows come: from the images to the classifier
    across = alt.X(f"{x}:N", title=title, sort=sort, axis=alt.Axis(labelAngle=-45 if x == "layer" else 0))
    scale = alt.Scale(type="log", nice=True) if log else alt.Scale(zero=rule is None)
    y = alt.Y("value:Q", title=y_title, axis=alt.Axis(tickCount=4, format=".2~r" if log else ".3~g"), scale=scale)
    base = (
        alt.Chart()
        .transform_filter("datum.split != 'name'")
        .encode(
            x=across,
            y=y,
            color=ARM_COLOUR,
            detail=["run:N"],
            tooltip=[alt.Tooltip("arm:N"), alt.Tooltip(f"{x}:N"), alt.Tooltip("value:Q", title=y_title, format=".4g")],
        )
    )
    layers = [base.mark_line(strokeWidth=2, opacity=0.7), base.mark_point(size=44, filled=True, opacity=0.9)]
    layers += named_ends(across, y)
    if rule is not None:
        layers.append(alt.Chart().mark_rule(strokeDash=[5, 4], color=GREY).encode(y=alt.datum(rule)))
    return constant_spec(alt.layer(*layers), height, right=NAMES)


def _by_head(y_title: str) -> dict[str, Any]:
    """A measure of every head at one moment, the heads of a block above one another."""
    points = (
        alt.Chart()
        .mark_point(size=70, filled=True, opacity=0.75)
        .encode(
            x=alt.X("block:N", title="block", sort=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("arm:N"),
            y=alt.Y("value:Q", title=y_title, axis=alt.Axis(tickCount=4, format=".3~g"), scale=alt.Scale(zero=True)),
            color=ARM_COLOUR,
            tooltip=[
                alt.Tooltip("arm:N"),
                alt.Tooltip("block:N"),
                alt.Tooltip("head:N"),
                alt.Tooltip("value:Q", title=y_title, format=".4g"),
            ],
        )
    )
    return constant_spec(alt.layer(points), 200)


def _heatmap(y: str, title: str) -> dict[str, Any]:
    """A measure by layer and step, on a logarithmic colour scale; the chosen step is framed.

    Rows of other arms come along unseen (`shown` is false), below the others, so that all arms share one scale. `shade`
    is the value, or the smallest that has a logarithm.
    """
    base = alt.Chart().encode(
        x=alt.X("step:O", title="step", sort=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y(f"{y}:N", title=y, sort=None, axis=alt.Axis(labelLimit=150, labelOverlap=False)),
    )
    cells = base.mark_rect().encode(
        opacity=alt.condition("datum.shown", alt.value(1), alt.value(0)),
        color=alt.Color(
            "shade:Q", title=title, scale=alt.Scale(type="log", scheme="viridis"), legend=alt.Legend(format=SHORT)
        ),
        tooltip=[alt.Tooltip(f"{y}:N"), alt.Tooltip("step:O"), alt.Tooltip("value:Q", title=title, format=".4g")],
    )
    chosen = base.mark_rect(filled=False, stroke=RED, strokeWidth=2).transform_filter("datum.chosen")
    spec = constant_spec(alt.layer(cells, chosen), 260)
    if y == "layer":
        spec["height"] = {"step": ROW}  # every layer has its name, however many there are
    return spec


def _ridgeline(x: alt.X) -> dict[str, Any]:
    """Weight histograms, one ridge a step, early below late. Heights come ready as `base` and `top`."""
    y = alt.Y("base:Q", title="step", axis=None)
    ridges = (
        alt.Chart()
        .mark_area(line={"strokeWidth": 1.2}, interpolate="monotone")
        .encode(
            x=x,
            y=y,
            y2="top:Q",
            color=ARM_COLOUR,
            detail=["step:O", "arm:N"],
            opacity=alt.condition("datum.chosen", alt.value(0.85), alt.value(0.28)),
            tooltip=[
                alt.Tooltip("arm:N"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("weight:Q", format=".3g"),
                alt.Tooltip("share:Q", title="share of the weights", format=".2%"),
            ],
        )
    )
    labels = (
        alt.Chart()
        .mark_text(align="right", dx=-6, baseline="bottom", fontSize=11, color=GREY)
        .encode(x=alt.value(0), y=y, text="label:N")
        .transform_filter("datum.label != ''")
    )
    return constant_spec(alt.layer(ridges, labels), 420)


LOSS = made_once(_curves, "Loss", "nats", ".1f")
ACCURACY = made_once(_curves, "Accuracy", None, ".0%")
PRESENTED = {
    "loss": made_once(_curves, "Loss", "nats", ".1f", 440, is_large=True),
    "accuracy": made_once(_curves, "Accuracy", None, ".0%", 440, is_large=True),
}
WEIGHTS = {
    f"{measure}/{group}": made_once(_small, title, group)
    for measure, (_, title) in LIVE_WEIGHTS.items()
    for group in GROUPS
}

WEIGHTS_LOG = {f"weight_std/{group}": made_once(_small, "std", group, log=True) for group in GROUPS}
LAYER_STD, LAYER_STD_FAR = (made_once(_by_place, "layer", "layer", "std", log=log) for log in (False, True))
LAYER_NORM = made_once(_by_place, "layer", "layer", "norm")
LAYER_DISTANCE = made_once(_by_place, "layer", "layer", "distance from init")
LAYER_UPDATE = made_once(_by_place, "layer", "layer", "log10 update ratio", rule=-3.0)
DEPTH_RMS = made_once(_by_place, "depth", "after block", "activation RMS")
DEPTH_SIMILARITY = made_once(_by_place, "depth", "after block", "token similarity")
DEPTH_RANK = made_once(_by_place, "depth", "after block", "effective rank")
LAYER_GRADIENT = made_once(_by_place, "layer", "layer", "gradient norm")
HEAD_ENTROPY = made_once(_by_head, "entropy / log N")
HEAD_LOGIT = made_once(_by_head, "max logit")
RMS_MAP = made_once(_heatmap, "depth", "RMS")
GRADIENT_MAP = made_once(_heatmap, "layer", "norm")
RIDGELINE = made_once(
    _ridgeline,
    alt.X("weight:Q", title="weight", scale=alt.Scale(nice=False), axis=alt.Axis(format=".3~g", tickCount=9)),
)
RIDGELINE_SYMLOG = made_once(
    _ridgeline,
    alt.X(
        "weight:Q",
        title="weight (symlog scale)",
        scale=alt.Scale(type="symlog", constant=0.01, nice=False),
        axis=alt.Axis(values=[-10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10], format=".3~g"),
    ),
)
