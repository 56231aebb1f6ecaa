"""Every seed's curve, with the mean of each arm: what of it is drawn, the person chooses."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison_rows import BANDS, seed_curves
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.store import Store
from vit_lab.ui.figures.rows import run_curves
from vit_lab.ui.prose import note

MEASURES = {
    "validation accuracy": ("accuracy", "validation"),
    "validation loss": ("loss", "validation"),
    "training loss": ("loss", "training"),
}
SMOOTHING = "Averages neighbouring points of the curves for the eye. No number on this page changes."
HIDDEN = "Takes thin lines away. Means and bands stay those of all finished runs."


def curves_of_every_seed(
    store: Store, experiment: Experiment, accuracy: Mapping[str, pd.DataFrame], names: Mapping[int, str]
) -> None:
    """The curves, their controls and how to read them; `accuracy` are those on validation, by run id."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure = st.selectbox("Curve", list(MEASURES), key="measure", width=220)
        band = st.selectbox("Band", BANDS, key="band", width=260)
        smoothing = st.slider("Smoothing, points", 1, 15, 1, key="smoothing", width=180, help=SMOOTHING)
        hidden = st.multiselect("Hide seeds", experiment.seeds, key="hidden", width=200, help=HIDDEN)
        log = st.toggle("Logarithmic", key="log")
        by_time = st.toggle("By training time", key="by_time")
    what, split = MEASURES[measure]
    curves = accuracy
    if (what, split) != ("accuracy", "validation"):
        curves = run_curves(store, experiment.proper, what, split)
    rows = seed_curves(curves, experiment.proper, names, by_time=by_time, band=band, smoothing=smoothing, hidden=hidden)
    specs = charts.ACCURACY_CURVES if what == "accuracy" else charts.LOSS_CURVES
    st.markdown(f"**{measure.capitalize()} by {'seconds of training' if by_time else 'step'}**")
    st.vega_lite_chart(
        rows, specs[log, by_time](), key="seed-curves", alt=f"{measure} of every seed, and the mean of each arm"
    )
    note(f"""
        Thin: every seed. Bold: the mean of each arm's finished runs. Band: {band}, from 3 runs on for the interval and
        from 2 for the deviation. {f"Smoothed over {smoothing} points, for display only." if smoothing > 1 else ""}
    """)
