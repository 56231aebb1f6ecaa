"""Training from a lesson: a button starts ordinary runs, and they are watched where they were started."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.runs.plans import new_experiment
from vit_lab.runs.records import NewRun, RunRecord
from vit_lab.runs.store import Store
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import status_badge
from vit_lab.ui.experiments.progress import progress
from vit_lab.ui.experiments.skeleton import live
from vit_lab.ui.figures.live_curves import HOW_TO_READ, curves
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told


def start(key: str, arms: Mapping[str, RunConfig]) -> None:
    """Queue a run for each arm, under the names they are given, and remember them under `key`."""
    experiment, runs = new_experiment(), []
    for arm, (name, config) in enumerate(arms.items()):
        runs.append(NewRun(config, f"{name}, seed {config.seed}", experiment, arm))
    with problems_told():
        open_manager().submit(runs)
        st.session_state[key] = experiment
        st.rerun()


def started(key: str, arms: Mapping[str, RunConfig]) -> list[RunRecord]:
    """The runs of these arms that were last started under `key`, by arm; the address keeps them over a reload.

    Somebody without such runs sees those that another has at work: a class need not train the same thing thirty times.
    """
    store = open_store()
    experiment = st.session_state.get(key) or st.query_params.get(key)
    at_work = dict.fromkeys(run.experiment for run in store.listing.at_work())
    for known in [experiment, *at_work] if experiment else at_work:
        if runs := [run for run in store.runs(experiment=known) if _is_of(run, list(arms.values()))]:
            st.session_state[key] = st.query_params[key] = known
            return runs
    forget(key)
    return []


def _is_of(run: RunRecord, arms: Sequence[RunConfig]) -> bool:
    return run.arm < len(arms) and not run.unreadable and run.config == arms[run.arm]


def forget(key: str) -> None:
    """Start afresh; the runs stay on the page Runs."""
    st.session_state.pop(key, None)
    st.query_params.pop(key, None)


def watch(runs: Sequence[RunRecord], names: Sequence[str]) -> None:
    """State, loss and accuracy of some runs of one experiment, live while one is at work; `names` of its arms."""
    live(partial(_states_and_curves, names), runs[0].experiment)
    st.caption(HOW_TO_READ)


def _states_and_curves(names: Sequence[str], store: Store, experiment: Experiment) -> None:
    runs = [run for run in experiment.runs if run.arm < len(names)]
    st.markdown("   ".join(f"{chip(run.arm)} {names[run.arm]} {status_badge(run)}" for run in runs))
    for run in runs:
        if run.error:
            st.caption(f"{names[run.arm]}: {run.error}")
    progress(Runs(tuple(runs)))
    curves(store, runs, dict(enumerate(names)))
