"""Weights: what the init does to weights, signal and attention, from the first step to the last."""

import streamlit as st

from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.weights.panel import weights_panel

store = open_store()
runs = [run for run in store.runs() if not run.unreadable]
if not runs:
    st.info("No runs yet: train your first pair, and its weights can be looked at here, live.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
    st.stop()

names: dict[str, str] = {}
for run in sorted(runs, key=lambda run: (run.arm, run.number)):
    names[run.experiment] = f"{names[run.experiment]} against {run.name}" if run.experiment in names else run.name
labels = {run.experiment: f"#{run.number}: {names[run.experiment]}" for run in runs}  # names repeat, numbers do not
linked = st.query_params.get("experiment")
left, right = st.columns([0.7, 0.3], gap="large")
experiment = left.selectbox(
    "Runs",
    list(labels),
    index=list(labels).index(linked) if linked in labels else 0,
    format_func=lambda one: labels[one],
    key="weights_experiment",
)
st.query_params["experiment"] = experiment
members = [run for run in store.runs(experiment=experiment) if not run.unreadable]
seeds = list(dict.fromkeys(run.config.seed for run in members))
seed = right.selectbox("Seed", seeds, key="weights_seed") if len(seeds) > 1 else seeds[0]
weights_panel([run.id for run in members if run.config.seed == seed])
