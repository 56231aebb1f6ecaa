"""An experiment as plain data: its arms, its pairs, and how sure one may be. The command line, the pages and the
report all read this."""

from collections.abc import Sequence
from typing import Any

from vit_lab.analysis.comparison import (
    ArmOutcome,
    Comparison,
    arm_outcomes,
    compare,
    condition_labels,
    scores_of,
    verdict,
)
from vit_lab.config import RunConfig
from vit_lab.runs.designs import arm_spec
from vit_lab.runs.experiments import Pick, picks
from vit_lab.runs.records import RunRecord, arm_label
from vit_lab.runs.states import Status
from vit_lab.settings import difference


def arm_configs(runs: Sequence[RunRecord]) -> dict[int, RunConfig]:
    """One config for each arm of an experiment."""
    return {run.arm: run.config for run in reversed(runs) if not run.pilot}


def arm_names(runs: Sequence[RunRecord]) -> dict[int, str]:
    """What each arm is called: its init; arms of the same init are told apart by what else differs."""
    labels = {arm: arm_label(config) for arm, config in sorted(arm_configs(runs).items())}
    alike, told = list(labels.values()), arm_differences(runs)
    names = {}
    for place, (arm, label) in enumerate(labels.items()):
        others = ", ".join(f"{field.replace('_', ' ')} {values[place]}" for field, values in told.items()
                           if field != "scheme" and not field.endswith("_scale"))  # fmt: skip
        names[arm] = label if alike.count(label) == 1 else f"{label}, {others or f'arm {arm + 1}'}"
    return names


def arm_differences(runs: Sequence[RunRecord]) -> dict[str, tuple[Any, ...]]:
    """The settings in which the arms are not all alike, each with one value an arm, in the order of the arms."""
    first = {run.arm: run for run in reversed(runs) if not run.pilot}
    condition = min((run.condition for run in first.values()), default=0)
    first |= {run.arm: run for run in reversed(runs) if not run.pilot and run.condition == condition}
    return difference(*[run.config.model_copy(update={"seed": 0}) for _, run in sorted(first.items())])


def rate_words(runs: Sequence[RunRecord]) -> str:
    """Whether the arms chose their learning rates, or share one, or were given different ones."""
    proper = [run for run in runs if not run.pilot]
    rates = sorted({run.config.optim.learning_rate for run in proper})
    if any(run.pilot for run in runs):
        if any(run.status == Status.WAITING for run in proper):
            return "Fair learning rate: pilot runs try the same few rates for every arm; the runs proper wait for them."
        return ("Fair learning rate: each arm first chose its own on validation, from one grid that all share, "
                "with a seed that is not used again.")  # fmt: skip
    if len(rates) > 1:
        return f"The runs were given learning rates from {rates[0]:g} to {rates[-1]:g}."
    return (f"All arms use one learning rate, {rates[0]:g}, although another variance may want another rate. "
            "The fair learning rate lets each arm choose its own.")  # fmt: skip


def experiment_summary(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Arms, pairs and verdicts of an experiment's runs, as the command `compare` prints them."""
    names, configs, conditions, picked = arm_names(runs), arm_configs(runs), condition_labels(runs), picks(runs)
    last, best = scores_of(runs, "last"), scores_of(runs, "best")
    arms = [
        _arm(one, other, names, configs, conditions, picked)
        for one, other in zip(arm_outcomes(runs, last), arm_outcomes(runs, best), strict=True)
    ]
    return {
        "fair_learning_rate": bool(picked),
        "arms": arms,
        "pairs": [_pair(c, names, conditions) for c in compare(runs, last)],
    }


def _arm(last: ArmOutcome, best: ArmOutcome, names: dict[int, str], configs: dict[int, RunConfig],
         conditions: dict[int, str], picked: dict[tuple[int, int], Pick | None]) -> dict[str, Any]:  # fmt: skip
    pick = picked.get((last.arm, last.condition))
    return {
        "label": names[last.arm],
        "arm": arm_spec(configs[last.arm].init),
        "condition": conditions[last.condition],
        "n": last.summary.n,
        "planned": last.planned,
        "diverged": last.diverged,
        "missing": last.missing,
        "learning_rate": pick.rate if pick else configs[last.arm].optim.learning_rate,
        "at_edge_of_grid": bool(pick and pick.at_edge),
        "seeds": list(last.scores),
        "test_accuracy": _numbers(last),
        "best_on_validation_test_accuracy": _numbers(best),
    }


def _numbers(outcome: ArmOutcome) -> dict[str, Any]:
    s = outcome.summary
    ci95 = None if s.low is None else [s.low, s.high]
    return {"mean": s.mean, "sd": s.sd, "ci95": ci95, "values": list(outcome.scores.values())}


def _pair(c: Comparison, names: dict[int, str], conditions: dict[int, str]) -> dict[str, Any]:
    a, b = names[c.a], names[c.b]
    return {
        "a": a,
        "b": b,
        "condition": conditions[c.condition],
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
