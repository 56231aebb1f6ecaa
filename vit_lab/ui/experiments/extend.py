"""What may be added to an experiment after its launch: seeds, an arm, and single runs once more."""

from functools import partial

import streamlit as st

from vit_lab.runs.designs import MOST_ARMS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import another_arm, more_seeds
from vit_lab.runs.records import RunRecord
from vit_lab.spelling import arm_label, parse_arm
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.controls import status_badge
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_manager, problems_told
from vit_lab.ui.serving.visitor import not_theirs


def extend(experiment: Experiment, *, arms: bool = True) -> None:
    """Popovers that add seeds or another arm to an experiment, or train single runs again."""
    with st.container(horizontal=True):
        with st.popover("More seeds", icon=":material/add:"):
            _add_seeds(experiment)
        if arms and len(experiment.arms) < MOST_ARMS:
            with st.popover("Another arm", icon=":material/add:"):
                _add_arm(experiment)
        if broken := experiment.resumable:
            with st.popover(f"{len(broken)} without a result", icon=":material/replay:"):
                for run in broken:
                    _again(run)


def extended_note(experiment: Experiment) -> None:
    """Say that seeds were added after the launch, if they were."""
    if experiment.extended:
        note("""
            Seeds were added to this experiment after its launch. If that was because of what it showed, a winner is
            named where there is none in 8 to 9 % of cases instead of 5 %, and in more with every further addition.
        """)


def _add_seeds(experiment: Experiment) -> None:
    why = not_theirs(experiment.stored)
    count = st.number_input("Seeds to add", 1, 50, 3, key="seeds_to_add")
    note("""
        Adding 3 seeds to 6 because nothing is decided names a winner where there is none in 8 to 9 % of cases instead
        of 5 %, and adding them again in more. Decide on the number before you look; this page remembers that seeds were
        added.
    """)
    with problems_told():
        if st.button("Add", key="add_seeds", type="primary", disabled=bool(why), help=why):
            open_manager().extend(experiment.id, partial(more_seeds, count=int(count)))
            st.rerun()


def _add_arm(experiment: Experiment) -> None:
    why = not_theirs(experiment.stored)
    spec = st.text_input("Arm", placeholder="kaiming, normal:0.05, xavier,norm=post", key="arm_to_add")
    with problems_told():
        if st.button("Add", key="add_arm", type="primary", disabled=not spec or bool(why), help=why):
            open_manager().extend(experiment.id, partial(another_arm, settings=parse_arm(spec)))
            st.rerun()


def _again(run: RunRecord) -> None:
    why = not_theirs([run])
    st.markdown(f"{chip(run.arm)} {arm_label(run.config.init)}, seed {run.config.seed} {status_badge(run)}")
    if run.error:
        st.caption(run.error)
    with st.container(horizontal=True), problems_told():
        if st.button("Resume", key=f"resume-{run.id}", disabled=bool(why), help=why):
            open_manager().resume(run.id)
            st.rerun()
        if st.button("Start over", key=f"over-{run.id}", disabled=bool(why), help=why):
            open_manager().start_over(run.id)
            st.rerun()
