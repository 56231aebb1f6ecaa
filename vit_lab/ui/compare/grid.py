"""A comparison under several conditions: every cell in numbers, accuracy by what is varied, and what depends on it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import ArmOutcome
from vit_lab.analysis.comparison_rows import grid_table, over_rows
from vit_lab.analysis.interaction import alike_but_for, interaction_words, interactions, numbers
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import setting_words
from vit_lab.ui.arms import chip
from vit_lab.ui.prose import note


def overview(experiment: Experiment, outcomes: Sequence[ArmOutcome], scores: Mapping[str, float]) -> None:
    """All conditions at once."""
    st.markdown("**Accuracy under every condition**")
    words = "Mean accuracy of each arm under each condition"
    st.dataframe(grid_table(experiment, outcomes), key="condition-grid", alt=words)
    note("""
        Mean and half of its 95 % interval, in points, from 3 runs on. A run has learned something if it scored more
        than twice chance; where not all have, the cell says how many.
    """)
    if varied := {field: values for field in experiment.varied if (values := numbers(experiment, field))}:
        _over(experiment, outcomes, varied)
    told = interactions(experiment, scores)
    if told:
        with st.expander("Does a difference depend on it?", icon=":material/call_split:", expanded=len(told) <= 3):
            for one in told:
                words = interaction_words(one, experiment.names[one.a], experiment.names[one.b])
                st.markdown(
                    f"{chip(one.b)} against {chip(one.a)} " + (f"**{one.where}**: " if one.where else "") + words
                )
            note("""
                For each seed the paired difference is regressed on the logarithm of the setting; the slopes are one
                number a seed, and their mean has a t interval. Decided ones are Holm-corrected together.
            """)


def _over(experiment: Experiment, outcomes: Sequence[ArmOutcome], varied: Mapping[str, Mapping[int, float]]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        field = st.selectbox("Accuracy against", list(varied), key="over", format_func=setting_words, width=220)
        groups = alike_but_for(experiment, field)
        where = next(iter(groups))
        if len(groups) > 1:
            where = st.selectbox("Under", list(groups), key="over_where", width=320)
    values = varied[field]
    is_log = min(values.values()) > 0
    legend = "  ".join(f"{chip(arm)} {name}" for arm, name in experiment.names.items())
    st.markdown(legend)
    rows = over_rows(experiment, outcomes, values, groups[where])
    whole = all(float(value).is_integer() for value in values.values())
    spec = charts.over(setting_words(field), log=is_log, whole=whole)
    st.vega_lite_chart(rows, spec, key="over-chart", alt=f"Accuracy against {setting_words(field)}")


def pick_condition(experiment: Experiment) -> int:
    """The condition that the rest of the page is about."""
    conditions = experiment.conditions
    if len(conditions) == 1:
        return next(iter(conditions))
    key = f"condition-{experiment.id}"
    return st.selectbox("Condition", list(conditions), key=key, format_func=lambda place: conditions[place])
