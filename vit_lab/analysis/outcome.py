"""What the arms of a single seed came to, in words that promise no more than that."""

from collections.abc import Mapping

from vit_lab.analysis.comparison import ArmOutcome, arm_outcomes, compare, is_even, scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import percent


def outcome_words(experiment: Experiment, names: Mapping[int, str]) -> str | None:
    """How arms of one seed ended against one another, given their names; None before all have, and of a single arm.

    Diverged runs count as in `vit_lab.analysis.comparison`, with the accuracy of guessing, and are called that.
    """
    scores = scores_of(experiment)
    if len(experiment.arms) < 2 or len(experiment.cells) > len(experiment.arms) or len(experiment.seeds) > 1:
        return None
    if len(scores) < len(experiment.proper):
        return None
    ends = {end.arm: end for end in arm_outcomes(experiment, scores)}
    told = {arm: names[arm] + " (diverged, counted as guessing)" * bool(end.diverged) for arm, end in ends.items()}
    if all(end.diverged for end in ends.values()):
        found = (
            f"{'Both' if len(ends) == 2 else 'All'} arms diverged, and count as guessing: {_accuracy(ends[min(ends)])}"
        )
    elif len(ends) > 2:
        best_first = sorted(ends.values(), key=lambda end: -(end.summary.mean or 0.0))
        found = "Test accuracy, best first: " + ", ".join(f"{told[end.arm]} {_accuracy(end)}" for end in best_first)
    else:
        [c] = compare(experiment, scores)
        difference = c.test.mean or 0.0
        ahead, behind = (c.b, c.a) if difference > 0 else (c.a, c.b)
        accuracies = _accuracy(ends[ahead]), _accuracy(ends[behind])
        if is_even(difference):
            found = f"{told[ahead]} and {told[behind]} ended even: test accuracy {' and '.join(accuracies)}"
        else:
            lead = f"{told[ahead]} ended {abs(difference) * 100:.1f} points above {told[behind]}"
            found = f"{lead}: test accuracy {' against '.join(accuracies)}"
    return f"{found}. One {'pair' if len(ends) == 2 else 'seed'} is a demonstration, not evidence."


def _accuracy(end: ArmOutcome) -> str:
    return percent(end.summary.mean)
