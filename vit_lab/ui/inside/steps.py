"""Which moment of the training is shown: a slider over the steps that are kept, a film of them, any other by replay."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.runs import snapshots
from vit_lab.runs.experiments import Runs
from vit_lab.runs.records import RunRecord
from vit_lab.settings import ConfigError
from vit_lab.training.looks import Weights
from vit_lab.ui.inside.choice import NEWEST
from vit_lab.ui.inside.looks import weights_of
from vit_lab.ui.poll import at_work
from vit_lab.ui.serving.lab import replays

FILM_SECONDS = 0.8  # a step of the film
HELP = "Both arms at the same step. Snapshots are kept at steps 0, 1, 2, 4, 8, ... and then evenly."


def moves(runs: Runs) -> bool:
    """Whether the page draws itself again: runs are at work, a film plays, or a step is trained again."""
    return at_work(runs) or is_playing() or is_replaying(runs)


def standing(runs: Runs) -> tuple[bool, bool, bool]:
    """What decides how the page is drawn; see `vit_lab.ui.poll`."""
    return at_work(runs), is_playing(), is_replaying(runs)


def is_playing() -> bool:
    """Whether the film plays."""
    return bool(st.session_state.get("inside_plays"))


def is_replaying(runs: Runs) -> bool:
    """Whether a step of one of the runs that somebody here asked for is on its way."""
    found = [replays().asked(run, step) for run in runs.runs if (step := _chosen()) is not None]
    return any(replay is not None and not replay.is_over for replay in found)


def newest(runs: Sequence[RunRecord]) -> int:
    """The last step that all runs at work have kept; if none is at work, the last of all."""
    reached = [(run.is_active, snapshots.kept_steps(run)[-1]) for run in runs]
    active = [step for is_active, step in reached if is_active]
    return min(active) if active else max(step for _, step in reached)


def scrub(runs: Sequence[RunRecord]) -> int:
    """The slider, and what makes it run; returns the step that is shown."""
    kept = {step for run in runs for step in snapshots.kept_steps(run)}
    if (chosen := _chosen()) is not None:
        kept.add(chosen)
    steps = sorted(kept)
    _advance(steps)
    slider, rest = st.columns([0.74, 0.26], vertical_alignment="center")
    buttons = rest.container(horizontal=True)
    plays = is_playing()
    buttons.button(
        "Pause" if plays else "Play",
        icon=":material/pause:" if plays else ":material/play_arrow:",
        key="inside_play",
        on_click=_toggle,
        args=(steps,),
        width="stretch",
    )
    with buttons.popover("Any step", icon=":material/history:", width="stretch", help=HELP):
        last = max(run.step for run in runs)
        any_step = st.number_input("Step", 0, last, min(chosen or 0, last), key="inside_any")
        st.button("Show it", key="inside_go", on_click=_go, args=(int(any_step),))
    st.session_state.setdefault("inside_step", NEWEST)
    slider.select_slider("Step", [*steps, NEWEST], key="inside_step", label_visibility="collapsed")
    picked = _chosen()
    return newest(runs) if picked is None else picked


def at_step(run: RunRecord, step: int) -> tuple[Weights | None, bool]:
    """The weights of a run nearest to a step, at or before it, and whether that is all there is.

    A run that has ended before is shown as it ended. False: the step itself could be trained again.
    """
    wanted = min(step, run.step)
    if (found := weights_of(run, wanted)) is not None:
        return found, True
    before = [kept for kept in snapshots.kept_steps(run) if kept <= wanted]
    return snapshots.kept_weights(run, before[-1]), run.is_active and wanted == run.step


def offer_replay(run: RunRecord, step: int, shown: int) -> None:
    """A step that is not kept: a button that trains the run up to it again; its progress, and one that stops that."""
    replay, arm = replays().asked(run, step), letter(run.arm)
    with st.container(horizontal=True, vertical_alignment="center"):
        if replay is not None and not replay.is_over:
            st.progress(replay.progress, text=f"{arm} is trained again: step {replay.done:,} of {step:,}")
            st.button("Stop", icon=":material/stop:", key=f"inside_stop-{run.arm}", on_click=replay.stop)
            return
        why = f"That came to nothing: {replay.problem}." if replay is not None and replay.problem else ""
        st.caption(f"Step {step:,} of {arm} is not kept, so step {shown:,} is shown. {why}")
        st.button(
            f"Train {arm} again up to step {step:,}",
            icon=":material/history:",
            key=f"inside_replay-{run.arm}",
            on_click=_replay,
            args=(run, step),
        )


def _chosen() -> int | None:
    picked = st.session_state.get("inside_step", NEWEST)
    return None if picked == NEWEST else int(picked)


def _go(step: int) -> None:
    st.session_state["inside_step"] = step
    st.session_state["inside_plays"] = False


def _replay(run: RunRecord, step: int) -> None:
    try:
        replays().ask(run, step)
    except ConfigError as error:
        st.error(str(error))


def _toggle(steps: Sequence[int]) -> None:
    plays = st.session_state["inside_plays"] = not is_playing()
    if plays and (_chosen() is None or _chosen() == steps[-1]):
        st.session_state["inside_step"] = steps[0]
        st.session_state["inside_rests"] = True


def _advance(steps: Sequence[int]) -> None:
    """The next step of the film, if it plays; it ends with the last."""
    if not is_playing() or st.session_state.pop("inside_rests", False):
        return
    later = [step for step in steps if step > (_chosen() or 0)]
    if later:
        st.session_state["inside_step"] = later[0]
    if len(later) < 2:
        st.session_state["inside_plays"] = False
