"""Whether a difference between two arms depends on a condition, such as the number of training images: an interaction.

For each seed, the paired difference is regressed on the logarithm (base 10) of the condition's value, so that its slope
is one number a seed: fractions of accuracy a tenfold. The mean of the slopes has a t interval over the seeds. No model
of variances is needed, and pairs stay pairs. A value that may be 0, as a share of noise, is taken as it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from vit_lab.analysis.comparison import Comparison, State, compare, state_of
from vit_lab.analysis.statistics import PairedTest, holm, paired_test, slope
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import setting_words


@dataclass(frozen=True)
class Interaction:
    """How the difference, arm `b` minus arm `a`, changes with a setting that the conditions vary.

    `slopes` are by seed: fractions of accuracy for each tenfold of the setting, or, unless `by_tenfold`, for each 1 of
    it. `where` says under which of the other conditions, `p_holm` is corrected for all interactions of the experiment.
    """

    a: int
    b: int
    field: str
    where: str
    by_tenfold: bool
    slopes: dict[int, float]
    test: PairedTest
    planned: int
    p_holm: float | None
    is_open: bool = False  # see `vit_lab.analysis.comparison.Comparison`

    @property
    def state(self) -> State:
        """How much may be said."""
        return state_of(self.test, self.planned, self.p_holm, is_open=self.is_open)


def interactions(experiment: Experiment, scores: Mapping[str, float]) -> list[Interaction]:
    """Every pair of arms with every setting of at least two numbers that the conditions vary, Holm-corrected."""
    compared = {(c.a, c.b, c.condition): c for c in compare(experiment, scores)}
    found = []
    for field in _moved(experiment):
        values = numbers(experiment, field)
        for where, conditions in alike_but_for(experiment, field).items():
            used = {values[condition] for condition in conditions} if values else set()
            if len(used) < 2:
                continue
            by_tenfold = min(used) > 0
            x = [math.log10(values[c]) if by_tenfold else values[c] for c in conditions]
            for a, b in combinations(experiment.arms, 2):
                cells = [compared.get((a, b, condition)) for condition in conditions]
                if any(cell is None for cell in cells):
                    continue
                slopes = _slopes(x, [cell for cell in cells if cell is not None])
                planned = len(_pairs(experiment, a, b, conditions))
                found.append((a, b, field, where, by_tenfold, slopes, paired_test(list(slopes.values())), planned))
    is_open = experiment.is_open
    adjusted = holm([test.p_value if test.n >= planned and not is_open else None for *_, test, planned in found])
    return [Interaction(*parts, p, is_open) for parts, p in zip(found, adjusted, strict=True)]


def interaction_words(one: Interaction, a: str, b: str) -> str:
    """A sentence that a class can read aloud: how what is between two arms, given their names, changes."""
    test, name = one.test, setting_words(one.field)
    per = f"with each tenfold of {name}" if one.by_tenfold else f"for each 1 of {name}"
    if test.mean is None or test.low is None or test.high is None:
        return f"How {b} minus {a} changes {per}: too few seeds so far."
    way = "rises" if test.mean > 0 else "falls"
    interval = f"95 % interval {test.low * 100:+.1f} to {test.high * 100:+.1f}, {test.n} seeds"
    told = f"{b} minus {a} {way} by {abs(test.mean) * 100:.1f} points {per} ({interval})"
    lead = {"decided": "", "demo": "A demo, not evidence: ", "not yet": "So far, "}
    return f"{lead.get(one.state, 'Not decided: ')}{told}."


def numbers(experiment: Experiment, field: str) -> dict[int, float]:
    """By condition: the value of a setting as a number; empty if one is none. An empty training set means all of it."""
    values: dict[int, Any] = dict(experiment.varied[field])
    if field == "train_size":
        runs = {condition: runs[0] for (_, condition), runs in experiment.cells.items()}
        values = {condition: runs[condition].config.train_images for condition in values}
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values.values())
    return {condition: float(value) for condition, value in values.items()} if numbers else {}


def alike_but_for(experiment: Experiment, field: str) -> dict[str, list[int]]:
    """The conditions in groups that differ in one setting only, each by what is common to it, in words."""
    along = [name for name, values in experiment.varied.items() if _move_together(values, experiment.varied[field])]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for condition in experiment.conditions:
        others = tuple(values[condition] for name, values in experiment.varied.items() if name not in along)
        groups.setdefault(others, []).append(condition)
    words = [experiment.told(group[0], *along) for group in groups.values()]
    told = [word if words.count(word) == 1 else f"{word} ({place + 1})" for place, word in enumerate(words)]
    return dict(zip(told, groups.values(), strict=True))


def _moved(experiment: Experiment) -> list[str]:
    """The settings that the conditions vary, without those that only follow one before them."""
    found: list[str] = []
    for field, values in experiment.varied.items():
        if not any(_move_together(values, experiment.varied[other]) for other in found):
            found.append(field)
    return found


def _move_together(one: Mapping[int, Any], other: Mapping[int, Any]) -> bool:
    """Whether two settings change under the same conditions, one to one."""
    pairs = {(one[condition], other[condition]) for condition in one}
    return len(pairs) == len({mine for mine, _ in pairs}) == len({theirs for _, theirs in pairs})


def _pairs(experiment: Experiment, a: int, b: int, conditions: list[int]) -> set[int]:
    """The seeds that both arms have, or will have, under all of the conditions."""
    seeds = [{run.config.seed for run in experiment.cells[arm, place]} for arm in (a, b) for place in conditions]
    return set.intersection(*seeds)


def _slopes(x: list[float], comparisons: list[Comparison]) -> dict[int, float]:
    """By seed that has its pair under all conditions."""
    seeds = [seed for seed in comparisons[0].differences if all(seed in c.differences for c in comparisons)]
    return {seed: slope(x, [c.differences[seed] for c in comparisons]) for seed in seeds}
