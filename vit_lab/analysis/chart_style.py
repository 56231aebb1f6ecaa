"""What all charts have in common, made once: the arms' colours, the axis of steps, a spec that stays constant."""

from typing import Any

import altair as alt
import pandas as pd  # noqa: F401 - Altair stumbles over a pandas that another thread has half loaded

from vit_lab.analysis.arms import COLOURS, LETTERS

ARM_COLOUR = alt.Color("arm:N", scale=alt.Scale(domain=list(LETTERS), range=list(COLOURS)), legend=None)
STEP = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, tickCount=7, format=",d", grid=False))
# Rows of split "extent" hold the planned steps, so that the axis spans the whole run from its start.
EXTENT = alt.Chart().mark_point(opacity=0).encode(x=STEP).transform_filter(alt.datum.split == "extent")


def constant_spec(chart: alt.LayerChart, height: int) -> dict[str, Any]:
    """A chart as the dict that Streamlit can keep, without its data, which arrive with each update."""
    spec = chart.properties(height=height).to_dict()
    del spec["datasets"]
    for part in (spec, *spec["layer"]):
        part.pop("data", None)  # the rows arrive with each update
    spec["config"] = {"view": {"strokeOpacity": 0}, "axis": {"labelFlush": False}}  # a label stands at its line
    return spec
