"""An experiment as plain data: its arms, its pairs, and how sure one may be.

The command line and the report read it.
"""

from typing import Any

from vit_lab.analysis.comparison import ArmOutcome, Comparison, arm_outcomes, compare, verdict
from vit_lab.analysis.interaction import Interaction, interaction_words, interactions
from vit_lab.analysis.scores import scores_of
from vit_lab.analysis.statistics import wilson
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import Pick, picks
from vit_lab.runs.states import Status
from vit_lab.spelling import json_label


def rate_words(experiment: Experiment) -> str:
    """Whether the arms chose their learning rates, or share one, or were given different ones."""
    rates = sorted({run.config.optim.learning_rate for run in experiment.proper})
    if experiment.is_fair:
        if any(run.status == Status.WAITING for run in experiment.proper):
            return "Fair learning rate: pilot runs try the same few rates for every arm; the runs proper wait for them."
        return (
            f"Fair learning rate: each arm first chose its own on validation, from {_grids(experiment)}, with a seed "
            "that is not used again."
        )
    if len(rates) > 1:
        return f"The runs were given learning rates from {rates[0]:g} to {rates[-1]:g}."
    return (
        f"All arms use one learning rate, {rates[0]:g}, although another variance may want another rate. The fair "
        "learning rate lets each arm choose its own."
    )


def _grids(experiment: Experiment) -> str:
    grids = [{run.config.optim.learning_rate for run in runs} for runs in experiment.pilots_by_cell.values()]
    return (
        "one grid that all share" if all(grid == grids[0] for grid in grids) else "a grid around the rate it was given"
    )


def experiment_summary(experiment: Experiment, *, for_json: bool = False) -> dict[str, Any]:
    """Arms, pairs and verdicts of an experiment. `for_json` spells arms as scripts know them, otherwise for people."""
    names = experiment.named(json_label) if for_json else experiment.names
    picked = picks(experiment)
    last, best = scores_of(experiment, "last"), scores_of(experiment, "best")
    outcomes = zip(arm_outcomes(experiment, last), arm_outcomes(experiment, best), strict=True)
    return {
        "fair_learning_rate": experiment.is_fair,
        "arms": [_arm(one, other, experiment, names, picked.get((one.arm, one.condition))) for one, other in outcomes],
        "pairs": [_pair(c, names, experiment.conditions[c.condition]) for c in compare(experiment, last)],
        "interactions": [_interaction(one, names) for one in interactions(experiment, last)],
    }


def _arm(
    last: ArmOutcome, best: ArmOutcome, experiment: Experiment, names: dict[int, str], pick: Pick | None
) -> dict[str, Any]:
    config = experiment.cells[last.arm, last.condition][0].config
    return {
        "label": names[last.arm],
        "arm": experiment.specs[last.arm],
        "condition": experiment.conditions[last.condition],
        "n": last.summary.n,
        "planned": last.planned,
        "diverged": last.diverged,
        "missing": last.missing,
        "trained": {"count": last.trained, "n": last.summary.n, "ci95": _ends(wilson(last.trained, last.summary.n))},
        "learning_rate": pick.rate if pick else config.optim.learning_rate,
        "at_edge_of_grid": bool(pick and pick.at_edge),
        "seeds": list(last.scores),
        "test_accuracy": _numbers(last),
        "best_on_validation_test_accuracy": _numbers(best),
    }


def _ends(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _numbers(outcome: ArmOutcome) -> dict[str, Any]:
    s = outcome.summary
    ci95 = None if s.low is None else [s.low, s.high]
    return {"mean": s.mean, "sd": s.sd, "ci95": ci95, "values": list(outcome.scores.values())}


def _pair(c: Comparison, names: dict[int, str], condition: str) -> dict[str, Any]:
    a, b = names[c.a], names[c.b]
    return {
        "a": a,
        "b": b,
        "condition": condition,
        "n": c.test.n,
        "planned": c.planned,
        "seeds": list(c.differences),
        "mean_difference": c.test.mean,
        "sd_difference": c.test.sd,
        "ci95": None if c.test.low is None else [c.test.low, c.test.high],
        "p_value": c.test.p_value,
        "p_holm": c.p_holm,
        "winner": None if c.winner is None else names[c.winner],
        "verdict": verdict(c, a, b),
    }


def _interaction(one: Interaction, names: dict[int, str]) -> dict[str, Any]:
    a, b = names[one.a], names[one.b]
    return {
        "a": a,
        "b": b,
        "setting": one.field,
        "condition": one.where,
        "by_tenfold": one.by_tenfold,
        "n": one.test.n,
        "planned": one.planned,
        "seeds": list(one.slopes),
        "mean_slope": one.test.mean,
        "sd_slope": one.test.sd,
        "ci95": None if one.test.low is None else [one.test.low, one.test.high],
        "p_value": one.test.p_value,
        "p_holm": one.p_holm,
        "state": one.state,
        "verdict": interaction_words(one, a, b),
    }
