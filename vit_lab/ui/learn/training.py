"""Training from a lesson: a button starts ordinary runs, and they are watched where they were started."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.runs.experiments import new_experiment
from vit_lab.runs.records import NewRun, RunRecord
from vit_lab.runs.store import Store
from vit_lab.ui import charts
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments import live, progress
from vit_lab.ui.lab import open_manager, open_store, problems_told
from vit_lab.ui.live import status_badge
from vit_lab.ui.rows import live_tables


def start(key: str, runs: Mapping[str, RunConfig]) -> None:
    """Queue runs, one arm each, under the names they are given, and remember them under `key`."""
    experiment = new_experiment()
    named = [NewRun(config, f"{name}, seed {config.seed}", experiment, arm) for arm, (name, config) in enumerate(runs.items())]  # fmt: skip
    with problems_told():
        open_manager().submit(named)
        st.session_state[key] = experiment
        st.rerun()


def started(key: str) -> list[RunRecord]:
    """The runs last started under `key`, in the order of their arms; the address keeps them over a reload."""
    experiment = st.session_state.get(key) or st.query_params.get(key)
    runs = open_store().runs(experiment=experiment) if experiment else []
    if not runs:
        forget(key)
        return []
    st.session_state[key] = st.query_params[key] = runs[0].experiment
    return sorted(runs, key=lambda run: run.arm)


def forget(key: str) -> None:
    """Start afresh; the runs stay on the page Runs."""
    st.session_state.pop(key, None)
    st.query_params.pop(key, None)


def watch(runs: Sequence[RunRecord], names: Sequence[str]) -> None:
    """State, loss and accuracy of some runs of one experiment, live while one is at work; `names` of its arms."""
    live(partial(_curves, names), runs[0].experiment)


def _curves(names: Sequence[str], store: Store, runs: list[RunRecord]) -> None:
    runs = sorted((run for run in runs if run.arm < len(names)), key=lambda run: run.arm)
    st.markdown("   ".join(f"{chip(run.arm)} {names[run.arm]} {status_badge(run)}" for run in runs))
    for run in runs:
        if run.error:
            st.caption(f"{names[run.arm]}: {run.error}")
    progress(runs)
    tables = live_tables(store, runs)
    loss, accuracy = st.columns(2)
    with loss:
        st.markdown("**Loss**")
        st.vega_lite_chart(tables["loss"], charts.LOSS, key="loss", alt="Loss of each run by step")
    with accuracy:
        st.markdown("**Accuracy**")
        st.vega_lite_chart(tables["accuracy"], charts.ACCURACY, key="accuracy",
                           alt="Accuracy of each run by step")  # fmt: skip
    st.caption("Bold with points: on data held out from training. Thin: over the latest training batches.")
