"""The card of one run on Train: its state, how far it is, and its accuracy."""

import streamlit as st

from vit_lab.datasets import DATASETS
from vit_lab.runs.executors.choice import chosen_name
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.spelling import fork_words, percent
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import status_badge
from vit_lab.ui.words import about

METRIC_WIDTH = 112  # pixels: no number moves another
DETAILS_WIDTH = 160
VALIDATION = "Accuracy on what is held out from training."
TEST = "Accuracy on the test set, looked at once, at the end."


def run_card(store: Store, run: RunRecord, name: str) -> None:
    """The run of an arm with that name. Nothing is told that is not known yet."""
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="distribute"):
        words = f"{chip(run.arm)} **{name}** {status_badge(run)}  \n:small[:gray[{', '.join(_details(store, run))}]]"
        st.markdown(words, width=DETAILS_WIDTH)
        st.metric("Validation", percent(run.val_accuracy), width=METRIC_WIDTH, help=VALIDATION)
        if run.test_accuracy is not None:
            st.metric("Test", percent(run.test_accuracy), width=METRIC_WIDTH, help=TEST)
    st.progress(min(run.step / run.planned_steps, 1.0), text=progress_words(store, run))
    if run.error:
        st.caption(run.error)


def _details(store: Store, run: RunRecord) -> list[str]:
    examples = DATASETS[run.config.data.dataset].examples
    stands = run.status in (Status.QUEUED, Status.WAITING)  # whatever it did before
    speed = [f"{run.images_per_second:,.0f} {examples}/s"] if run.images_per_second and not stands else []
    where = [f"on {run.node}"] if run.node and not stands else []
    known = [f"run {run.number}", f"seed {run.config.seed}", *_lineage(store, run), *where, *speed]
    return [*known, f"{run.wall_seconds:.0f}\u00a0s"]


def _lineage(store: Store, run: RunRecord) -> list[str]:
    """What a fork goes on from, if it is one: 'from step 30 of run 1'."""
    fork = run.config.fork
    parents = store.runs([fork.run]) if fork else []
    return [fork_words(fork) + (f" of run {parents[0].number}" if parents else "")] if fork else []


def progress_words(store: Store, run: RunRecord) -> str:
    """How far a run is and how long it takes; of a queued one, its place and roughly when it starts."""
    total = run.planned_steps
    words = f"step {run.step:,} of {total:,}"
    if run.status == Status.QUEUED:
        place = store.queue.places().get(run.id, 0)
        where = f"{place} before it in the queue" if place else "next in the queue"
        return f"{words}, {where}{_start_words(store, place)}"
    of_this_server = run.process == store.presence.name
    if run.status == Status.RUNNING and not run.node and of_this_server and chosen_name() == "ray":
        return f"{words}, waits for a machine of the cluster"
    if run.status == Status.RUNNING and run.images_per_second:
        seconds = (total - run.step) * run.config.optim.batch_size / run.images_per_second
        return f"{words}, {about(seconds)} to go"
    return words


def _start_words(store: Store, place: int) -> str:
    """Roughly when a queued run starts, if there is anything to tell it from."""
    if (seconds := store.queue.seconds_until_start(place)) is None:
        return ""
    return ", starts within a minute" if seconds < 60 else f", starts in {about(seconds)}"
