"""What the arms of a single seed came to, in words that promise no more than that."""

from collections.abc import Mapping

from vit_lab.analysis.comparison import arm_outcomes
from vit_lab.analysis.scores import scores_of
from vit_lab.runs.experiments import Experiment


def outcome_words(experiment: Experiment, names: Mapping[int, str]) -> str | None:
    """How arms of one seed ended against one another, given their names; None before all have, and of a single arm.

    Diverged runs count as in `vit_lab.analysis.comparison`, with the accuracy of guessing, and are called that. The
    difference is that of the accuracies as they are told, so that whoever subtracts them finds it.
    """
    scores = scores_of(experiment)
    is_one_seed = len(experiment.cells) == len(experiment.arms) and len(experiment.seeds) == 1
    if len(experiment.arms) < 2 or not is_one_seed or len(scores) < len(experiment.proper):
        return None
    ends = arm_outcomes(experiment, scores)
    percents = {end.arm: round((end.summary.mean or 0.0) * 100, 1) for end in ends}
    best_first = sorted(ends, key=lambda end: -percents[end.arm])
    told = [names[end.arm] + " (diverged, counted as guessing)" * bool(end.diverged) for end in best_first]
    accuracies = [percents[end.arm] for end in best_first]
    if all(end.diverged for end in ends):
        found = f"{'Both' if len(ends) == 2 else 'All'} arms diverged, and count as guessing: {accuracies[0]}%"
    elif len(ends) > 2:
        pairs = zip(told, accuracies, strict=True)
        found = "Test accuracy, best first: " + ", ".join(f"{arm} {accuracy}%" for arm, accuracy in pairs)
    elif accuracies[0] == accuracies[1]:
        found = f"{told[0]} and {told[1]} ended even: test accuracy {accuracies[0]}%"
    else:
        lead = f"{told[0]} ended {accuracies[0] - accuracies[1]:.1f} points above {told[1]}"
        found = f"{lead}: test accuracy {accuracies[0]}% against {accuracies[1]}%"
    return f"{found}. One {'pair' if len(ends) == 2 else 'seed'} is a demonstration, not evidence."
