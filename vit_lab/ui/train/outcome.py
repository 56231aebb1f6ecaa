"""What came out of the runs on Train, said once they have ended, and where to go from there."""

import streamlit as st

from vit_lab.datasets import is_available
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import repeated
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.launch import EVIDENCE, launch
from vit_lab.ui.experiments.look import look_button
from vit_lab.ui.serving.lab import open_manager
from vit_lab.ui.words import about


def outcome_panel(experiment: Experiment) -> None:
    """How arms of one seed ended, and buttons that look further; nothing while a run has no result."""
    if not experiment.runs or len(experiment.ended) < len(experiment.stored):
        return
    from vit_lab.analysis.outcome import outcome_words  # brings scipy, which a page can begin without

    with st.container(border=True):
        if words := outcome_words(experiment, {arm: f"{chip(arm)} {name}" for arm, name in experiment.names.items()}):
            st.markdown(words)
        with st.container(horizontal=True):
            look_button(experiment.runs[0])
            if st.button("Weights", icon=":material/bar_chart_4_bars:", key="weights", help="Layer by layer, by step."):
                st.switch_page("pages/weights.py", query_params={"experiment": experiment.id})
            if words and all(is_available(config.data.dataset) for config in experiment.arms.values()):
                _repeat_button(experiment)


def _repeat_button(experiment: Experiment) -> None:
    plan = repeated(experiment, FEWEST_FOR_EVIDENCE)
    runs = len(plan.arms) * len(plan.seeds)
    seconds = FEWEST_FOR_EVIDENCE * sum(run.wall_seconds for run in experiment.runs) / open_manager().workers
    cost = f"{runs} runs, {about(seconds)} if each takes as long as these did"
    told = f"Trains these arms from {FEWEST_FOR_EVIDENCE} further seeds, which nobody has seen yet: {cost}. {EVIDENCE}"
    label = f"Repeat with {FEWEST_FOR_EVIDENCE} seeds: {runs} runs"
    if st.button(label, icon=":material/replay:", key="repeat", help=told):
        launch(plan, "pages/compare.py")
