"""What Train tells of the runs below its form: whose they are, and, of a large experiment, how far it is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from vit_lab.runs.designs import MOST_ARMS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.progress import progress, seed_strip
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.serving.visitor import is_class, visitor
from vit_lab.ui.train.reuse import settings_button


def whose_runs(experiment: Experiment) -> None:
    """A line that says what the runs below are, for the form above them may be filled in for something else."""
    if not experiment.runs:
        return
    run, store = experiment.runs[0], open_store()
    me, link = visitor(), st.query_params.get("experiment")
    latest = (store.latest_experiment(me), store.latest_experiment())
    whose = "Latest runs" if experiment.id in latest or not link else "The runs of this link"
    others = ", started by somebody else" if run.owner != me and is_class() else ""
    told = f"{run.config.model.kind} on {run.config.data.dataset}"
    st.markdown(f"**{whose}**: {told}, launched {_clock(run.created_at)}{others}", width="content")


def is_large(experiment: Experiment) -> bool:
    """Whether an experiment has more than one seed, or pilots, so that the page Train only tells how far it is."""
    return len({(run.config.seed, run.condition) for run in experiment.runs}) > 1


def overview_panel(store: Store, experiment: Experiment) -> None:
    """How far an experiment of several seeds is, and where to look at it."""
    whose_runs(experiment)
    progress(experiment)
    if len(experiment.arms) <= MOST_ARMS and len(experiment.data) == 1:
        st.markdown(seed_strip(experiment))
    page, query = f"pages/{experiment.kind}.py", {"experiment": experiment.id}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(page, label="Watch this experiment", icon=":material/balance:", query_params=query)
        settings_button(experiment)


def _clock(moment: str) -> str:
    """The time of a moment, and its day unless that is today."""
    then, now = _local(moment), _local(datetime.now(UTC).isoformat())
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%H:%M, %d %B}"


def _local(moment: str) -> datetime:
    """A moment in UTC, by the clock of the person who looks."""
    utc = datetime.fromisoformat(moment)
    try:
        return utc.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return utc
