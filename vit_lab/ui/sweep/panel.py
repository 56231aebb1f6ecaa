"""Accuracy against the variance scale: the U-curve of one experiment, filling in as its runs finish."""

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import arm_outcomes, scores_of
from vit_lab.analysis.comparison_rows import u_curve_rows
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.spelling import size_words
from vit_lab.ui.experiments.page import extend, progress
from vit_lab.ui.prose import note


def sweep_panel(store: Store, runs: list[RunRecord]) -> None:
    """The curve and the table of one sweep."""
    progress(runs)
    experiment = Experiment.of(runs)
    configs, conditions = experiment.arms, experiment.conditions
    if len(conditions) == 1:
        conditions = {condition: size_words(runs[0].config.data) for condition in conditions}
    outcomes = arm_outcomes(experiment, scores_of(experiment))
    scheme = next(iter(configs.values())).init.scheme
    st.markdown(f"**Test accuracy of `{scheme}` against the factor on its variance**")
    rows = u_curve_rows(outcomes, configs, conditions)
    st.vega_lite_chart(rows, charts.U_CURVE, key="u-curve", alt="Test accuracy by variance scale")
    note("""
        A small dot is a run; lines join the means, bars are their 95 % intervals (from 3 runs on). Training sets at
        one variance are drawn a little apart. The dashed lines stand where the variance of a square matrix is that of
        the named scheme. Look for where a curve falls off on either side, and whether the best place moves with the
        training set.
    """)
    best = []
    for condition, label in conditions.items():
        means = {configs[one.arm].init.variance_scale: one.summary.mean for one in outcomes
                 if one.condition == condition and one.summary.mean is not None and one.summary.low is not None}  # fmt: skip
        if means:
            scale = max(means, key=lambda scale: means[scale])
            best.append(f"{label}: ×{scale:g} ({means[scale]:.1%})")
    if best:
        st.markdown("Highest mean: " + "; ".join(best) + ". Neighbours whose bars overlap may be as good.")
    extend(runs, arms=False)
