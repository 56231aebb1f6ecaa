"""What a run came to: its score, and whether it has learned anything. Without SciPy, so a page can ask at once.

A diverged run counts with the accuracy of guessing, 1 / classes: it is a result, and leaving it out would flatter its
arm.
"""

from typing import Literal

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status

Score = Literal["last", "best"]


def score_of(run: RunRecord, score: Score = "last") -> float | None:
    """A run's result: its test accuracy at the last step, or at the step that was best on validation."""
    if run.status == Status.DIVERGED:
        return 1 / run.config.model.num_classes
    if run.status != Status.FINISHED:
        return None
    return run.test_accuracy if score == "last" else run.best_test_accuracy


def has_learned(run: RunRecord, score: float | None) -> bool:
    """Whether a run that came to such a score has learned anything: it is above twice the accuracy of guessing.

    Of so few classes that this is out of reach, it is above the middle between guessing and being right.
    """
    guessing = 1 / run.config.model.num_classes
    return score is not None and score > min(2 * guessing, (1 + guessing) / 2)


def scores_of(experiment: Experiment, score: Score = "last") -> dict[str, float]:
    """The result of every run proper that has one, by run id."""
    return {run.id: value for run in experiment.proper if (value := score_of(run, score)) is not None}
