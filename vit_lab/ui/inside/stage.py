"""What stands on the stage: both arms at their step, before the same example; and what of it goes to the address."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vit_lab import paths
from vit_lab.analysis.arms import letter
from vit_lab.runs import snapshots
from vit_lab.runs.records import RunRecord
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import MEAN, Weights
from vit_lab.ui.inside import looks
from vit_lab.ui.inside.choice import CLASS, LOOKS, NEWEST, VIEWS, arrive, remember
from vit_lab.ui.inside.example import Chosen, choose_example
from vit_lab.ui.inside.held import held
from vit_lab.ui.inside.shown import Shown
from vit_lab.ui.inside.steps import Missing, at_step, offer_replays
from vit_lab.ui.inside.views import chosen_place, class_asked

Delta = st.delta_generator.DeltaGenerator


def arrive_once(runs: Sequence[RunRecord]) -> list[str]:
    """Take what the address asks for, if this is the first draw of a visit; sentences on what it asks in vain."""
    if "inside_view" in st.session_state:
        return []
    return arrive(runs[0], max(run.step for run in runs))


def set_stage(
    runs: Sequence[RunRecord], names: Mapping[int, str], step: int, controls: Delta, offers: Delta
) -> tuple[list[Shown], Chosen] | None:
    """Both arms before the example that is chosen with the controls; None, and a sentence, if they cannot be seen."""
    arms: list[tuple[RunRecord, Weights]] = []
    missing = []
    for run in runs:
        weights, is_all = at_step(run, step)
        if not is_all:
            missing.append(Missing(run, min(step, run.step), weights.step))
        arms.append((run, weights))
    with offers:
        offer_replays(missing)
    with controls:
        chosen = choose_example(arms)
    shown = []
    for run, weights in arms:
        place = chosen_place(run.config.model)
        reads = MEAN if place is None else place.token
        try:
            found = looks.glance(run, weights, chosen.example, reads, class_asked())
        except CheckpointError as error:
            st.warning(f"{letter(run.arm)}: {error}.")
            if weights.file == paths.snapshot(run.id, weights.step):
                snapshots.forget(run.id, weights.step)
            offer_replays([Missing(run, weights.step, weights.step)])
            return None
        shown.append(Shown(run, names[run.arm], weights, found))
    return shown, chosen


def remember_all(pair: Mapping[str, str | int | None], shown: Sequence[Shown], chosen: Chosen) -> None:
    """Put every choice into the address, those that are not as they are at first."""
    state, place = st.session_state, chosen_place(shown[0].run.config.model)
    step, view = held("inside_step", NEWEST), state.get("inside_view", LOOKS)
    reads: str | None = None
    if place is not None and place.patch != MEAN:
        reads = "class" if place.patch == CLASS else str(place.patch + 1)
    remember(
        dict(pair)
        | chosen.address
        | {
            "step": None if step == NEWEST else step,
            "reads": reads,
            "frame": place.frame + 1 if place is not None and place.frame else None,
            "open": state.get("inside_open") or None,
            "view": next((key for key, words in VIEWS.items() if words == view and words != LOOKS), None),
            "class": class_asked(),
        }
    )
