"""By which accuracy the runs of a comparison are judged: at their last step, their best one, or one that is chosen."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from vit_lab.analysis.scores import Score, scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import Status

LAST, BEST, AT_STEP = "test, last step", "test, best on validation", "validation, at a step"
SCORES: dict[str, Score] = {LAST: "last", BEST: "best"}
JUDGED_BY = (*SCORES, AT_STEP)


def judged(experiment: Experiment, by: str, curves: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """The score of every run proper that has one, by run id; `by` is one of JUDGED_BY.

    A step is chosen with a slider, among those of the `curves` of validation accuracy (by run id).
    """
    if by in SCORES:
        return scores_of(experiment, SCORES[by])
    steps = sorted({int(step) for curve in curves.values() for step in curve["step"]})
    if not steps:
        return {}
    step = st.select_slider("Step", steps, value=steps[-1], key="at_step")
    found = {}
    for run in experiment.proper:
        at = curves[run.id].loc[curves[run.id]["step"] == step, "value"]
        if len(at):
            found[run.id] = float(at.iloc[0])
        elif run.status == Status.DIVERGED:
            found[run.id] = 1 / run.config.model.num_classes
    return found
