"""U-curve: how accuracy depends on the variance of the initial weights."""

import streamlit as st
from vit_lab.ui.experiments.page import experiment_page

from vit_lab.config import SCHEMES
from vit_lab.presets import PRESETS, preset
from vit_lab.runs.designs import MOST_SEEDS, sweep, sweep_scales
from vit_lab.runs.plans import Plan
from vit_lab.settings import configure
from vit_lab.ui.sweep.panel import sweep_panel

SIZES = {"200": 200, "500": 500, "1,000": 1_000, "2,000": 2_000, "all": None}
ENDS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0]


def form() -> Plan:
    """One scheme, from a small to a large variance."""
    one, two, three, four = st.columns([0.2, 0.2, 0.4, 0.2])
    start = one.selectbox("Start from", list(PRESETS), key="sweep_preset")
    scheme = two.selectbox("Scheme", SCHEMES, key="sweep_scheme")
    sizes = three.multiselect("Training set", list(SIZES), ["200", "all"], key="sweep_sizes")
    seeds = four.number_input("Seeds", 1, MOST_SEEDS, 3, key="sweep_seeds", help="Intervals begin at 3.")
    low, high = st.select_slider("Variance ×, from and to", ENDS, (0.1, 10.0), key="sweep_range",
                                 format_func=lambda end: f"{end:g}")  # fmt: skip
    scales = sweep_scales(low, high)
    st.caption(f"{len(scales)} scales: " + ", ".join(f"{scale:g}" for scale in scales))
    return sweep(configure(preset(start), scheme=scheme), scales, [SIZES[size] for size in sizes] or [None], int(seeds))


experiment_page("sweep", "New sweep", form, sweep_panel,
                "No sweep yet. Launch one, and watch accuracy take shape over orders of magnitude of variance.")  # fmt: skip
