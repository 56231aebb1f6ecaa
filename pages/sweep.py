"""Arch: how accuracy depends on the variance of the initial weights."""

import streamlit as st

from vit_lab.analysis.comparison import arm_outcomes
from vit_lab.analysis.scores import scores_of
from vit_lab.config import SCHEMES
from vit_lab.presets import PRESETS, preset
from vit_lab.runs.designs import MOST_SEEDS, sweep, sweep_scales
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.spelling import size_words, written_out
from vit_lab.ui.experiments.extend import extend
from vit_lab.ui.experiments.progress import progress
from vit_lab.ui.experiments.skeleton import experiment_page
from vit_lab.ui.prose import note
from vit_lab.ui.sweep.arch import arch, highest_means

SIZES = {"200": 200, "500": 500, "1,000": 1_000, "2,000": 2_000, "all": None}
ENDS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0]
EMPTY = "No sweep yet. Launch one, and watch accuracy take shape over orders of magnitude of variance."


def form() -> Plan:
    """One scheme, from a small to a large variance."""
    one, two, three, four = st.columns([0.2, 0.2, 0.4, 0.2])
    start = one.selectbox("Start from", list(PRESETS), key="sweep_preset")
    scheme = two.selectbox("Scheme", SCHEMES, key="sweep_scheme")
    sizes = three.multiselect("Training set", list(SIZES), ["200", "all"], key="sweep_sizes")
    seeds = four.number_input("Seeds", 1, MOST_SEEDS, 3, key="sweep_seeds", help="Intervals begin at 3.")
    low, high = st.select_slider(
        "Variance ×, from and to", ENDS, (0.1, 10.0), key="sweep_range", format_func=written_out
    )
    scales = sweep_scales(low, high)
    st.caption(f"{len(scales)} scales: " + ", ".join(written_out(scale) for scale in scales))
    return sweep(configure(preset(start), scheme=scheme), scales, [SIZES[size] for size in sizes] or [None], int(seeds))


def outcome(store: Store, experiment: Experiment) -> None:
    """The curve, and where it is highest."""
    progress(experiment)
    conditions = experiment.conditions
    if len(conditions) == 1:
        conditions = {condition: size_words(data) for condition, data in experiment.data.items()}
    outcomes = arm_outcomes(experiment, scores_of(experiment))
    scheme = experiment.proper[0].config.init.scheme
    st.markdown(f"**Test accuracy of `{scheme}` against the factor on its variance**")
    arch(experiment, outcomes, conditions)
    note("""
        A small dot is a run; lines join the means, bars are their 95 % intervals (from 3 runs on). Training sets at one
        variance are drawn a little apart. The dashed lines stand where the variance of a square matrix is that of the
        named scheme. Look for where a curve falls off on either side, and whether the best place moves with the
        training set.
    """)
    if best := highest_means(experiment, outcomes, conditions):
        st.markdown("Highest mean: " + "; ".join(best) + ". Neighbours whose bars overlap may be as good.")
    extend(experiment, arms=False)


experiment_page("sweep", "New sweep", form, outcome, EMPTY)
