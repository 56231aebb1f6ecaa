"""How far an experiment is: its bar and buttons, and every run as one sign."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE, ENDED, RESUMABLE, Status
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import run_controls
from vit_lab.ui.words import about

MARKS = {Status.WAITING: "·", Status.QUEUED: "·", Status.RUNNING: "▶", Status.FINISHED: "✓", Status.DIVERGED: "✗"}


def progress(runs: Sequence[RunRecord]) -> None:
    """How much of an experiment is done, and buttons that stop it or let it go on."""
    active = [run for run in runs if run.status in ACTIVE]
    still = [run for run in runs if run.status in RESUMABLE]
    total = sum(_length(run) for run in runs)
    ended = sum(run.status in ENDED for run in runs)
    if active:
        done = sum(run.step for run in runs) / max(total, 1)
        st.progress(min(done, 1.0), text=f"{ended} of {len(runs)} runs have ended{_time_left(active)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if active or still:
            run_controls(active, still)


def seed_strip(runs: Sequence[RunRecord]) -> str:
    """Every run as one sign, arm by arm: waiting, at work, finished, diverged, without a result."""
    proper = sorted((run for run in runs if not run.pilot), key=lambda run: (run.arm, run.config.seed))
    signs: dict[int, str] = {}
    for run in proper:
        signs[run.arm] = signs.get(run.arm, "") + MARKS.get(Status(run.status), "?")
    return "  ".join(f"{chip(arm)} {strip}" for arm, strip in signs.items())


def _time_left(active: Sequence[RunRecord]) -> str:
    """In words, from the speed of the runs at work now; nothing while none is known."""
    speed = sum(run.images_per_second or 0.0 for run in active if run.status == Status.RUNNING)
    left = sum((_length(run) - run.step) * run.config.optim.batch_size for run in active)
    return f", {about(left / speed)} to go" if speed else ""


def _length(run: RunRecord) -> int:
    return run.total_steps or run.config.optim.steps
