"""How far an experiment is: its bar and buttons, and every run as one sign."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import run_controls
from vit_lab.ui.words import about

MARKS = {Status.WAITING: "·", Status.QUEUED: "·", Status.RUNNING: "▶", Status.FINISHED: "✓", Status.DIVERGED: "✗"}


def progress(runs: Runs) -> None:
    """How much of some runs is done, as far as they can be read, and buttons that stop them or let them go on."""
    readable = runs.readable
    if readable.active:
        done = sum(run.step for run in readable.runs) / sum(run.planned_steps for run in readable.runs)
        told = f"{len(readable.ended)} of {len(readable.runs)} runs have ended{_time_left(readable.active)}"
        st.progress(min(done, 1.0), text=told)
    with st.container(horizontal=True, vertical_alignment="center"):
        if runs.active or runs.resumable:
            run_controls(runs)


def seed_strip(experiment: Experiment) -> str:
    """Every run proper as one sign, arm by arm: waiting, at work, finished, diverged, without a result."""
    signs = dict.fromkeys(experiment.arms, "")
    for (arm, _), runs in experiment.cells.items():
        signs[arm] += "".join(MARKS.get(Status(run.status), "?") for run in runs)
    return "  ".join(f"{chip(arm)} {strip}" for arm, strip in signs.items())


def _time_left(active: Sequence[RunRecord]) -> str:
    """In words, from the speed of the runs at work now; nothing while none is known."""
    speed = sum(run.images_per_second or 0.0 for run in active if run.status == Status.RUNNING)
    left = sum((run.planned_steps - run.step) * run.config.optim.batch_size for run in active)
    return f", {about(left / speed)} to go" if speed else ""
