"""The runs below the form of Train, one of each arm, as they stand: cards, curves and weights, drawn again each second.

A tick should be cheap, so what a change of a run's state changes, or nothing, stands outside of it.
"""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from vit_lab.config import GROUPS
from vit_lab.places import GROUP_NAMES
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.store import Store
from vit_lab.spelling import arm_label
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import run_controls
from vit_lab.ui.figures.live_curves import HOW_TO_READ, curves
from vit_lab.ui.poll import poll
from vit_lab.ui.serving.lab import open_store, problems_told
from vit_lab.ui.train.card import run_card
from vit_lab.ui.train.outcome import outcome_panel
from vit_lab.ui.train.overview import whose_runs
from vit_lab.ui.train.present import present_button
from vit_lab.ui.train.reuse import settings_button
from vit_lab.ui.words import LIVE_WEIGHTS

WEIGHTS_SECONDS = 5.0  # a run measures them some thirty times
WEIGHTS_WIDTH = 130  # pixels at least


def experiment_panel(experiment: Experiment) -> None:
    """Progress, controls and charts of an experiment; it polls only while one of its runs is at work."""
    store = open_store()
    read = partial(Experiment.read, store, experiment.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"), problems_told():
        whose_runs(experiment)
        run_controls(experiment)
        present_button(experiment)
        settings_button(experiment)
    names = {run.arm: arm_label(run.config.init) for run in experiment.runs}  # also of an arm that has only pilots
    names |= experiment.names
    for run in experiment.unreadable:
        why = f"because its stored settings are not valid here: {run.unreadable}"
        st.warning(f"{chip(run.arm)} cannot be shown, {why}")
    with st.container():  # also while it is empty, or what comes into it would draw the charts below anew
        outcome_panel(experiment)
    poll(read, partial(_cards_and_curves, store, names), standing=_standing, shown=experiment)
    if names:
        st.markdown("   ".join(f"{chip(arm)} {names[arm]}" for arm in sorted(names)))
        st.caption(HOW_TO_READ)
    poll(read, partial(_weights, store, names), every=WEIGHTS_SECONDS, leads=False)


def _standing(experiment: Experiment) -> dict[str, tuple[bool, bool]]:
    """What of the runs' states the page outside of the ticks shows: which are at work, and which can be resumed."""
    return {run.id: (run.is_active, run.is_resumable) for run in experiment.stored}


def _cards_and_curves(store: Store, names: Mapping[int, str], experiment: Experiment) -> None:
    runs = experiment.runs
    curves(store, runs, names)
    for column, run in zip(st.columns(len(runs), border=True) if runs else [], runs, strict=True):
        with column:
            run_card(store, run, names[run.arm])


def _weights(store: Store, names: Mapping[int, str], experiment: Experiment) -> None:
    """Small charts of the weight statistics."""
    from vit_lab.ui.figures import charts
    from vit_lab.ui.figures.rows import are_far, live_tables

    # An arm that has joined meanwhile has no name here yet: the next tick of the cards draws the page anew
    runs = [run for run in experiment.runs if run.arm in names]
    if not any(
        run.step or not run.is_active for run in runs
    ):  # ten empty charts would keep a browser from showing the first steps
        return
    tables = live_tables(store, "weights", runs, names, WEIGHTS_SECONDS)
    for measure, (title, _) in LIVE_WEIGHTS.items():
        st.markdown(f"**{title}**")
        with st.grid(len(GROUPS), min_column_width=WEIGHTS_WIDTH, gap="small"):
            for group in GROUPS:
                name = f"{measure}/{group}"
                specs = charts.WEIGHTS_LOG if name in charts.WEIGHTS_LOG and are_far(tables[name]) else charts.WEIGHTS
                st.vega_lite_chart(tables[name], specs[name](), key=name, alt=f"{title}: {GROUP_NAMES[group]}")
