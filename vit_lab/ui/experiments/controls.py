"""A run's state as a badge, and the buttons that change it."""

import streamlit as st

from vit_lab.runs.experiments import Runs
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.ui.serving.lab import open_manager
from vit_lab.ui.serving.visitor import not_theirs

STATUS_COLOURS = {
    Status.WAITING: "gray",
    Status.QUEUED: "gray",
    Status.RUNNING: "green",
    Status.PAUSED: "yellow",
    Status.FINISHED: "green",
    Status.DIVERGED: "red",
    Status.STOPPED: "gray",
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
}
PAUSE = "For now: the runs keep their place, and go on with Resume."
RESUME = "Go on with what was paused, stopped or interrupted, to the bit as if it never had been."
STOP = "End the runs here. What they measured stays, and they can be resumed all the same."


def status_badge(run: RunRecord) -> str:
    """Markdown for a run's state."""
    return f":{STATUS_COLOURS[Status(run.status)]}-badge[{run.status}]"


def run_controls(runs: Runs) -> None:
    """Buttons that pause or stop the runs at work, and resume those that stand still."""
    active, still = runs.active, runs.resumable
    why = not_theirs([*active, *still])
    no_pause, no_resume = not active or bool(why), not still or bool(why)
    if st.button("Pause", icon=":material/pause:", disabled=no_pause, key="pause", help=why or PAUSE):
        for run in active:
            open_manager().pause(run.id)
    if st.button("Resume", icon=":material/play_arrow:", disabled=no_resume, key="resume", help=why or RESUME):
        for run in sorted(still, key=lambda run: run.number):  # as they were launched: pairs side by side
            open_manager().resume(run.id)
        st.rerun()
    if st.button("Stop", icon=":material/stop:", disabled=no_pause, key="stop", help=why or STOP):
        for run in active:
            open_manager().stop(run.id)
