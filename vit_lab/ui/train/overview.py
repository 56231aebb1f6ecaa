"""What Train tells of the runs below its form: whose they are, and, of a large experiment, how far it is."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from vit_lab.runs.designs import MOST_ARMS
from vit_lab.runs.records import RunRecord, unreadable
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.progress import progress, seed_strip
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.train.reuse import settings_button


def whose_runs(runs: Sequence[RunRecord]) -> None:
    """A line that says what the runs below are, for the form above them may be filled in for something else."""
    run = next((run for run in runs if not unreadable(run)), None)
    if run is None:
        return
    whose = "Latest runs" if run.experiment == open_store().latest_experiment() else "The runs of this link"
    told = f"{run.config.model.kind} on {run.config.data.dataset}"
    st.markdown(f"**{whose}**: {told}, launched {_local(run.created_at):%H:%M, %d %B}")


def is_large(runs: Sequence[RunRecord]) -> bool:
    """Whether an experiment has more than one seed, or pilots, so that the page Train only tells how far it is."""
    return len({(run.config.seed, run.condition) for run in runs if not unreadable(run)}) > 1


def overview_panel(store: Store, runs: list[RunRecord]) -> None:
    """How far an experiment of several seeds is, and where to look at it."""
    whose_runs(runs)
    progress(runs)
    if len({run.arm for run in runs}) <= MOST_ARMS and len({run.condition for run in runs}) == 1:
        st.markdown(seed_strip(runs))
    experiment = store.experiment(runs[0].experiment)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            f"pages/{experiment.kind}.py",
            label="Watch this experiment",
            icon=":material/balance:",
            query_params={"experiment": experiment.id},
        )
        settings_button(runs)


def _local(moment: str) -> datetime:
    """A moment in UTC, by the clock of the person who looks."""
    utc = datetime.fromisoformat(moment)
    try:
        return utc.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return utc
