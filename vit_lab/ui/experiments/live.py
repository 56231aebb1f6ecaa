"""The runs of one experiment, as they stand: read from the store, drawn again each second while one is at work."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from vit_lab.config import GROUPS
from vit_lab.datasets import DATASETS
from vit_lab.runs.records import RunRecord, arm_label, unreadable
from vit_lab.runs.states import ACTIVE, RESUMABLE, Status
from vit_lab.runs.store import Store
from vit_lab.ui.arms import chip
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told, tell_hold_up
from vit_lab.ui.serving.visitor import not_theirs
from vit_lab.ui.train.reuse import settings_button
from vit_lab.ui.words import GROUP_NAMES, LIVE_WEIGHTS

TICK_SECONDS, WEIGHTS_SECONDS = 1.0, 5.0
METRIC_WIDTH = 150  # pixels: no number moves another
CURVES_WIDTH, WEIGHTS_WIDTH = 320, 130  # pixels at least
HOW_TO_READ = ("Bold with points: on validation, the loss as plain cross-entropy. Thin: what training minimises, over the "
               "latest batches.")  # fmt: skip
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


def experiment_panel(experiment: str) -> None:
    """Progress, controls and charts of an experiment; it polls only while one of its runs is at work.

    A tick should be cheap, so what a change of a run's state changes, or nothing, stands outside of it.
    """
    runs = open_store().runs(experiment=experiment)
    active = any(run.status in ACTIVE for run in runs)
    whose_runs(runs)
    _controls(runs)
    from vit_lab.analysis.summary import arm_names  # brings scipy

    readable = [run for run in runs if not unreadable(run)]
    names = {run.arm: arm_label(run.config) for run in readable}  # also of an arm that has only pilot runs
    names |= arm_names(readable)
    for run in runs:
        if why := unreadable(run):
            st.warning(f"{chip(run.arm)} cannot be shown, because its stored settings are not valid here: {why}")
    st.fragment(_panel, run_every=TICK_SECONDS if active else None)(experiment, names, _standing(runs))
    if names:
        st.markdown("   ".join(f"{chip(arm)} {names[arm]}" for arm in sorted(names)))
        st.caption(HOW_TO_READ)
    st.fragment(_weights, run_every=WEIGHTS_SECONDS if active else None)(experiment, names)


def whose_runs(runs: Sequence[RunRecord]) -> None:
    """A line that says what the runs below are, for the form above them may be filled in for something else."""
    run = next((run for run in runs if not unreadable(run)), None)
    if run is None:
        return
    whose = "Latest runs" if run.experiment == open_store().latest_experiment() else "The runs of this link"
    told = f"{run.config.model.kind} on {run.config.data.dataset}"
    st.markdown(f"**{whose}**: {told}, launched {_local(run.created_at):%H:%M, %d %B}")


def _local(moment: str) -> datetime:
    """A moment in UTC, by the clock of the person who looks."""
    utc = datetime.fromisoformat(moment)
    try:
        return utc.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return utc


def status_badge(run: RunRecord) -> str:
    """Markdown for a run's state."""
    return f":{STATUS_COLOURS[Status(run.status)]}-badge[{run.status}]"


def _standing(runs: Sequence[RunRecord]) -> dict[str, tuple[bool, bool]]:
    """What of the runs' states the page outside of the ticks shows: which are at work, and which can be resumed."""
    return {run.id: (run.status in ACTIVE, run.status in RESUMABLE) for run in runs}


def _panel(experiment: str, names: Mapping[int, str], standing: Mapping[str, tuple[bool, bool]]) -> None:
    with problems_told():
        _draw(experiment, names, standing)


def _draw(experiment: str, names: Mapping[int, str], standing: Mapping[str, tuple[bool, bool]]) -> None:
    store = open_store()
    runs = store.runs(experiment=experiment)
    if _standing(runs) != standing:
        st.rerun()  # the whole page learns of it
    tell_hold_up(runs)
    runs = [run for run in runs if not unreadable(run)]
    for column, run in zip(st.columns(len(runs), border=True) if runs else [], runs, strict=True):
        with column:
            _progress(store, run, names[run.arm])
    curves(store, runs, names)


def curves(store: Store, runs: Sequence[RunRecord], names: Mapping[int, str]) -> None:
    """Loss and accuracy of each run by step, side by side, as they stand; HOW_TO_READ tells what is what."""
    from vit_lab.ui.figures import charts  # with the rows: pandas and Altair, which the page above can be drawn without
    from vit_lab.ui.figures.rows import live_tables

    tables = live_tables(store, "curves", runs, names, TICK_SECONDS)
    with st.grid(2, min_column_width=CURVES_WIDTH):
        st.vega_lite_chart(tables["loss"], charts.LOSS, key="loss", alt="Loss of each arm by step")
        st.vega_lite_chart(tables["accuracy"], charts.ACCURACY, key="accuracy", alt="Accuracy of each arm by step")


def _weights(experiment: str, names: Mapping[int, str]) -> None:
    """Small charts of the weight statistics, which a run measures some thirty times."""
    with problems_told():
        _draw_weights(open_store(), experiment, names)


def _draw_weights(store: Store, experiment: str, names: Mapping[int, str]) -> None:
    from vit_lab.ui.figures import charts
    from vit_lab.ui.figures.rows import live_tables

    # An arm that has joined meanwhile has no name here yet: the next tick of the panel draws the page anew
    runs = [run for run in store.runs(experiment=experiment) if not unreadable(run) and run.arm in names]
    tables = live_tables(store, "weights", runs, names, WEIGHTS_SECONDS)
    for measure, (title, _) in LIVE_WEIGHTS.items():
        st.markdown(f"**{title}**")
        with st.grid(len(GROUPS), min_column_width=WEIGHTS_WIDTH, gap="small"):
            for group in GROUPS:
                name = f"{measure}/{group}"
                st.vega_lite_chart(tables[name], charts.WEIGHTS[name], key=name, alt=f"{title}: {GROUP_NAMES[group]}")


def _controls(runs: Sequence[RunRecord]) -> None:
    active = [run for run in runs if run.status in ACTIVE]
    still = [run for run in runs if run.status in RESUMABLE]
    with st.container(horizontal=True, vertical_alignment="center"), problems_told():
        run_controls(active, still)
        settings_button(runs)


def run_controls(active: Sequence[RunRecord], still: Sequence[RunRecord]) -> None:
    """Buttons that pause or stop the runs at work, and resume those that stand still."""
    why = not_theirs([*active, *still])
    if st.button("Pause", icon=":material/pause:", disabled=not active or bool(why), key="pause",
                 help=why or "For now: the runs keep their place, and go on with Resume."):  # fmt: skip
        for run in active:
            open_manager().pause(run.id)
    if st.button("Resume", icon=":material/play_arrow:", disabled=not still or bool(why), key="resume",
                 help=why or "Go on with what was paused, stopped or interrupted, to the bit as if it never had been."):  # fmt: skip
        for run in sorted(still, key=lambda run: run.number):  # as they were launched: pairs side by side
            open_manager().resume(run.id)
        st.rerun()
    if st.button("Stop", icon=":material/stop:", disabled=not active or bool(why), key="stop",
                 help=why or "End the runs here. What they measured stays, and they can be resumed all the same."):  # fmt: skip
        for run in active:
            open_manager().stop(run.id)


def _progress(store: Store, run: RunRecord, name: str) -> None:
    total = run.total_steps or run.config.optim.steps
    st.markdown(f"{chip(run.arm)} **{name}** {status_badge(run)}  \n:small[:gray[{', '.join(_details(run))}]]")
    st.progress(min(run.step / total, 1.0), text=_progress_words(store, run, total))
    with st.container(horizontal=True):
        st.metric("Validation", _percent(run.val_accuracy), width=METRIC_WIDTH,
                  help="Accuracy on what is held out from training.")  # fmt: skip
        if run.test_accuracy is not None:
            st.metric("Test", _percent(run.test_accuracy), width=METRIC_WIDTH,
                      help="Accuracy on the test set, looked at once, at the end.")  # fmt: skip
    if run.error:
        st.caption(run.error)


def _details(run: RunRecord) -> list[str]:
    examples = DATASETS[run.config.data.dataset].examples
    speed = [f"{run.images_per_second:,.0f} {examples}/s"] if run.images_per_second else []
    return [*speed, f"{run.wall_seconds:.0f} s of training", f"seed {run.config.seed}"]


def _progress_words(store: Store, run: RunRecord, total: int) -> str:
    words = f"step {run.step:,} of {total:,}"
    if run.status == Status.QUEUED:
        place = store.queue_places().get(run.id, 0)
        where = f"{place} before it in the queue" if place else "next in the queue"
        return f"{words}, {where}{_start_words(store, place)}"
    if run.status == Status.RUNNING and run.images_per_second:
        seconds = (total - run.step) * run.config.optim.batch_size / run.images_per_second
        return (
            f"{words}, about {seconds:.0f} s to go" if seconds < 100 else f"{words}, about {seconds / 60:.0f} min to go"
        )
    return words


def _start_words(store: Store, place: int) -> str:
    """Roughly when a queued run starts, if there is anything to tell it from."""
    if (seconds := store.seconds_until_start(place)) is None:
        return ""
    return ", starts within a minute" if seconds < 60 else f", starts in about {seconds / 60:.0f} min"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
