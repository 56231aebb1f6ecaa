"""Compare: several inits over several seeds, and how sure one may be."""

import streamlit as st
from vit_lab.ui.experiments.page import EVIDENCE, arms_input, experiment_page

from vit_lab.presets import PRESETS, preset
from vit_lab.runs.designs import CLAIM_ARMS, MOST_SEEDS, comparison
from vit_lab.runs.plans import Plan
from vit_lab.ui.compare.panel import compare_panel


def form() -> Plan:
    """A comparison on a preset; whatever else may be set, the page Train sets."""
    left, middle, right = st.columns([0.25, 0.5, 0.25])
    start = left.selectbox("Start from", list(PRESETS), key="compare_preset", help="The page Train sets all the rest.")
    with middle:
        arms = arms_input(CLAIM_ARMS, "compare_arms")
    seeds = right.number_input("Seeds", 1, MOST_SEEDS, 6, key="compare_seeds", help=EVIDENCE)
    fair = right.toggle("Fair learning rate", key="compare_fair",
                        help="Each arm first chooses its rate on validation, from one small grid.")  # fmt: skip
    return comparison(preset(start), arms, int(seeds), fair_rate=fair)


experiment_page("compare", "New experiment", form, compare_panel,
                "No comparison yet. Launch one here, or on the page Train, and watch the verdict form seed by seed.")  # fmt: skip
