"""Histograms of a layer's weights through training, one ridge a moment."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.ui.arms import chip
from vit_lab.ui.figures import charts
from vit_lab.ui.figures.rows import histogram_rows

RIDGE_OVERLAP = 3.0  # how many ridges tall the tallest ridge is


def ridgelines(store: Store, runs: Sequence[RunRecord], layer: str, step: int, *, symlog: bool, overlay: bool) -> None:
    """The ridges of each run side by side, or over one another; that of the step is marked."""
    rows = histogram_rows(store, runs, layer, symlog=symlog)
    if rows.empty:
        return
    order = {value: place for place, value in enumerate(sorted(rows["step"].unique()))}
    height = RIDGE_OVERLAP / max(rows["share"].max(), 1e-9)
    base = rows["step"].map(order)
    rows = rows.assign(base=base, top=base + rows["share"] * height, chosen=rows["step"] == step)
    first = rows["weight"] == rows["weight"].min()
    rows["label"] = rows["step"].astype(str).where(first & ((base % 3 == 0) | rows["chosen"]), "")
    spec = (charts.RIDGELINE_SYMLOG if symlog else charts.RIDGELINE)()
    if overlay or len(runs) < 2:
        st.vega_lite_chart(rows, spec, key="ridges", alt="Weight histograms of all arms, early steps below late")
        return
    for run, column in zip(runs, st.columns(len(runs)), strict=True):
        mark = letter(run.arm)
        words = f"Weight histograms of arm {mark}, early steps below late"
        with column:
            st.markdown(chip(run.arm))
            st.vega_lite_chart(rows[rows["arm"] == mark], spec, key=f"ridges-{mark}", alt=words)
