"""Chart specs, made once. A live chart is one of these plus fresh rows; whatever text changes stands outside.

Streamlit keeps a chart's picture and swaps only its data while the spec stays equal, so nothing here may
depend on a run.
"""

from typing import Any

import altair as alt

from vit_lab.ui.arms import COLOURS, LETTERS

ARM_COLOUR = alt.Color("arm:N", scale=alt.Scale(domain=list(LETTERS), range=list(COLOURS)), legend=None)
STEP = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, format="~s", grid=False))
# Rows of split "extent" hold the planned steps, so that the axis spans the whole run from its start.
EXTENT = alt.Chart().mark_point(opacity=0).encode(x=STEP).transform_filter(alt.datum.split == "extent")


def _spec(chart: alt.LayerChart, height: int) -> dict[str, Any]:
    spec = chart.properties(height=height).to_dict()
    del spec["datasets"]
    for part in (spec, *spec["layer"]):
        part.pop("data", None)  # the rows arrive with each update
    spec["config"] = {"view": {"strokeOpacity": 0}}
    return spec


def _curves(title: str, y_format: str, height: int, zero: bool) -> dict[str, Any]:
    """Thin lines for the training batches, bold ones with points for the validation images."""
    y = alt.Y("value:Q", title=title, axis=alt.Axis(format=y_format, tickCount=6), scale=alt.Scale(zero=zero))
    tooltip = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("name:N", title="init"),
        alt.Tooltip("split:N", title="on"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("value:Q", title=title, format=".4f"),
    ]
    base = alt.Chart().encode(x=STEP, y=y, color=ARM_COLOUR, detail=["run:N"], tooltip=tooltip)
    training = base.mark_line(strokeWidth=1.2, opacity=0.4).transform_filter(alt.datum.split == "training")
    validation = base.mark_line(strokeWidth=2.6, point=alt.OverlayMarkDef(size=34)).transform_filter(
        alt.datum.split == "validation"
    )
    return _spec(alt.layer(EXTENT, training, validation), height)


def _small(title: str) -> dict[str, Any]:
    """A small chart of one weight statistic of one group of matrices."""
    y = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=3, format="~g"), scale=alt.Scale(zero=True))
    tooltip = [alt.Tooltip("arm:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q", title=title, format=".4g")]
    x = alt.X("step:Q", title=None, axis=alt.Axis(tickCount=3, format="~s", grid=False))
    line = (
        alt.Chart()
        .mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=16))
        .encode(x=x, y=y, color=ARM_COLOUR, detail=["run:N"], tooltip=tooltip)
        .transform_filter(alt.datum.split != "extent")
    )
    return _spec(alt.layer(EXTENT.encode(x=x), line), 120)


LOSS = _curves("loss (nats)", ".1f", 300, zero=True)
ACCURACY = _curves("accuracy", ".0%", 300, zero=True)
WEIGHT_STD = _small("std")
WEIGHT_DISTANCE = _small("distance from init")
