"""The way from a step of a run to a run of its own that goes on from there: the button, and what it asks."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from vit_lab.config import GROUPS
from vit_lab.places import GROUP_NAMES
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.forks import ForkPlan, forks_of, siblings
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import flat, settings_of
from vit_lab.spelling import counted
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.launch import launch
from vit_lab.ui.experiments.look import look_button
from vit_lab.ui.fields import number_field
from vit_lab.ui.prose import literal, note
from vit_lab.ui.serving.lab import open_store

ICON, TRAIN = ":material/call_split:", "pages/train.py"
HELP = "Go on from this step with another learning rate, other data or changed weights."
OFFERED = ("learning_rate", "weight_decay", "steps", "train_size", "label_noise", "pixel_noise", "dropout")
COLUMNS = 3
FACTOR_HELP = "What the weights of these matrices are multiplied by at that step; 1 leaves them as they are."


def look_or_fork(runs: Sequence[RunRecord], step: int) -> None:
    """The two ways on from a step: into the models as they were, and on from there."""
    with st.container(horizontal=True):
        look_button(runs[0], step)
        fork_button(runs, step)


def fork_button(runs: Sequence[RunRecord], step: int) -> None:
    """A button that asks how one of some runs should go on from a step, and trains that."""
    able = [run for run in runs if not run.unreadable and run.step >= step]
    if st.button("Fork from here", icon=ICON, key="fork", disabled=not able, help=HELP):
        _ask(able, step)


@st.dialog("Fork from here", width="medium")
def _ask(runs: Sequence[RunRecord], step: int) -> None:
    run = runs[0]
    if len(runs) > 1:
        by_id = {one.id: one for one in runs}
        told = {one.id: f"{chip(one.arm)} {literal(one.name)}" for one in runs}
        run = by_id[st.radio("Which", list(told), format_func=told.__getitem__, horizontal=True, key="fork_of")]
    st.markdown(f"**{literal(run.name)}** goes on after step **{step:,}**. What changes from there:")
    way = _settings(run) | _factors(run.id)
    alike = siblings(Experiment.read(open_store(), run.experiment), run, step)
    can_go_on = step < run.config.total_steps
    beside = can_go_on and st.toggle("Train it unchanged, too, to compare with", value=True, key="fork_beside")
    every = len(alike) > 1 and st.toggle(f"The same for all {len(alike)} seeds", value=True, key="fork_seeds")
    parents = alike if every else [run]
    note(f"The first {counted(step, 'step')} are trained again, to the bit. Init, model, optimiser and seed stay.")
    ways = [{}, way] if beside else [way]
    count = counted(len(ways) * len(parents), "run")
    if st.button(f"Train {count}", type="primary", disabled=not way, key="fork_train", help="Change something first."):
        launch(ForkPlan.of(parents, step, ways), TRAIN)


def _settings(run: RunRecord) -> dict[str, Any]:
    """Fields for settings that may change; what is not as the parent has it."""
    now = flat(run.config) | {"steps": run.config.total_steps}
    fields = [field for field in OFFERED if field in settings_of(run.config.model.kind)]
    changed = {}
    for place, field in enumerate(fields):
        if place % COLUMNS == 0:
            columns = st.columns(COLUMNS)
        column = columns[place % COLUMNS]
        value = number_field(field, now[field], f"fork_{run.id}_{field}", column)
        if value != now[field]:
            changed[field] = value
    return changed


def _factors(run_id: str) -> dict[str, float]:
    st.markdown("Weights of a group, times")
    found = {}
    for column, group in zip(st.columns(len(GROUPS)), GROUPS, strict=True):
        name = f"{group}_factor"
        words = GROUP_NAMES[group][:1].upper() + GROUP_NAMES[group][1:]
        value = column.number_input(words, 1e-3, 1e3, 1.0, format="%g", key=f"fork_{run_id}_{name}", help=FACTOR_HELP)
        if value != 1:
            found[name] = value
    return found


def of_forks(runs: Sequence[RunRecord], store: Store) -> str:
    """What becomes of the forks of runs that are to be deleted; nothing if there are none."""
    going = {run.id for run in runs}
    forks = [fork for fork in forks_of(going, store.listing.forks()) if fork.id not in going]
    return f" {counted(len(forks), 'fork')} of them will stay, with all that they have from there." if forks else ""
