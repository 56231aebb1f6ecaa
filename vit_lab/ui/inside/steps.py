"""Which moment of the training is shown: a slider over the steps that are kept, a film of them, any other by replay."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.runs import snapshots
from vit_lab.runs.experiments import Runs
from vit_lab.runs.records import RunRecord
from vit_lab.runs.replays import Replay
from vit_lab.training.looks import Weights
from vit_lab.ui.inside.choice import NEWEST
from vit_lab.ui.inside.held import choose, held, key_of, take
from vit_lab.ui.inside.looks import weights_of
from vit_lab.ui.serving.lab import problems_told, replays

FILM_SECONDS = 0.8  # a step of the film
HELP = "Both arms at the same step. Snapshots are kept at steps 0, 1, 2, 4, 8, ... and then evenly."


class Missing(NamedTuple):
    """A step of a run that is not kept, and which is shown in its place."""

    run: RunRecord
    step: int
    shown: int


def film(runs: Runs) -> tuple[bool, bool]:
    """What decides whether the page draws itself again and again; see `vit_lab.ui.poll`."""
    return is_playing(), is_replaying(runs)


def is_moving(runs: Runs) -> bool:
    """Whether it does: the film plays, or a step is trained again."""
    return any(film(runs))


def is_playing() -> bool:
    """Whether the film plays."""
    return bool(st.session_state.get("inside_plays"))


def is_replaying(runs: Runs) -> bool:
    """Whether a step of one of the runs that somebody here asked for is on its way."""
    chosen = _chosen()
    found = [replays().asked(run, run.step if chosen is None else min(chosen, run.step)) for run in runs.runs]
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
    with slider.container(key="inside_step_slider"):
        st.select_slider(
            "Step",
            [*steps, NEWEST],
            held("inside_step", NEWEST),
            key=key_of("inside_step"),
            on_change=take,
            args=("inside_step",),
            label_visibility="collapsed",
        )
    picked = _chosen()
    return newest(runs) if picked is None else picked


def at_step(run: RunRecord, step: int) -> tuple[Weights, bool]:
    """The weights of a run nearest to a step, at or before it, and whether that is all there is.

    A run that has ended before is shown as it ended. False: the step itself could be trained again.
    """
    wanted = min(step, run.step)
    if (found := weights_of(run, wanted)) is not None:
        return found, True
    before = [kept for kept in snapshots.kept_steps(run) if kept <= wanted]
    return snapshots.kept_weights(run, before[-1]) or Weights(0), run.is_active and wanted == run.step


def offer_replays(missing: Sequence[Missing]) -> None:
    """A button that trains runs again up to steps that are not kept; how far that is, and a button that stops it."""
    if not missing:
        return
    asked = [(one, replay) for one in missing if (replay := replays().asked(one.run, one.step)) is not None]
    under_way = [(one, replay) for one, replay in asked if not replay.is_over]
    with st.container(horizontal=True, vertical_alignment="center", key="inside_offer"):
        for one, replay in under_way:
            told = f"{letter(one.run.arm)} is trained again: step {replay.done:,} of {one.step:,}"
            st.progress(replay.progress, text=told)
        if under_way:
            st.button(
                "Stop", icon=":material/stop:", key="inside_stop", on_click=_stop, args=([one for _, one in under_way],)
            )
            return
        arms = " and ".join(letter(one.run.arm) for one in missing)
        step = max(one.step for one in missing)
        why = " ".join(f"{letter(one.run.arm)}: {replay.problem}." for one, replay in asked if replay.problem)
        instead = " and ".join(dict.fromkeys(f"{one.shown:,}" for one in missing))
        st.caption(f"Step {step:,} of {arms} is not kept, so step {instead} is shown. {why}", width="content")
        st.button(
            f"Train {arms} again up to step {step:,}",
            icon=":material/history:",
            key="inside_replay",
            on_click=_replay,
            args=(missing,),
        )


def _chosen() -> int | None:
    picked = held("inside_step", NEWEST)
    return int(picked) if str(picked).isdecimal() else None


def _go(step: int) -> None:
    choose("inside_step", step)
    st.session_state["inside_plays"] = False


def _replay(missing: Sequence[Missing]) -> None:
    with problems_told():
        for one in missing:
            replays().ask(one.run, one.step)


def _stop(under_way: Sequence[Replay]) -> None:
    for replay in under_way:
        replay.stop()


def _toggle(steps: Sequence[int]) -> None:
    plays = st.session_state["inside_plays"] = not is_playing()
    if plays and (_chosen() is None or _chosen() == steps[-1]):
        choose("inside_step", steps[0])
        st.session_state["inside_rests"] = True


def _advance(steps: Sequence[int]) -> None:
    """The next step of the film, if it plays; it ends with the last."""
    if not is_playing() or st.session_state.pop("inside_rests", False):
        return
    later = [step for step in steps if step > (_chosen() or 0)]
    if later:
        choose("inside_step", later[0])
    if len(later) < 2:
        st.session_state["inside_plays"] = False
