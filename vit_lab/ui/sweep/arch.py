"""Accuracy against the variance scale: the arch of one sweep, filling in as its runs finish."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import ArmOutcome
from vit_lab.analysis.comparison_rows import arch_rows
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import written_out


def arch(experiment: Experiment, outcomes: Sequence[ArmOutcome], conditions: Mapping[int, str]) -> None:
    """The chart; `conditions` says what the training sets are called."""
    rows = arch_rows(outcomes, experiment.arms, conditions)
    st.vega_lite_chart(rows, charts.ARCH(), key="arch", alt="Test accuracy by variance scale")


def highest_means(experiment: Experiment, outcomes: Sequence[ArmOutcome], conditions: Mapping[int, str]) -> list[str]:
    """For each training set that has an interval: the scale with the highest mean, 'all images: × 3 (87.1%)'."""
    told = []
    for condition, label in conditions.items():
        means = {}
        for one in outcomes:
            if one.condition == condition and one.summary.mean is not None and one.summary.low is not None:
                means[experiment.arms[one.arm].init.variance_scale] = one.summary.mean
        if means:
            scale = max(means, key=lambda scale: means[scale])
            told.append(f"{label}: × {written_out(scale)} ({means[scale]:.1%})")
    return told
