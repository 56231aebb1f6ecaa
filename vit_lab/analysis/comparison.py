"""What the runs of an experiment say about its arms, pair by pair, with how sure one may be.

Accuracies are fractions. A diverged run counts with the accuracy of guessing, 1 / classes: it is a result, and
leaving it out would flatter its arm. A run that stands still, whether paused, stopped, interrupted or failed, has no
result and is still planned: whoever could take pairs out of the plan by stopping them could choose the winner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from vit_lab.analysis.statistics import (
    FEWEST_FOR_INTERVAL,
    MOST_SEEDS,
    PairedTest,
    Summary,
    holm,
    more_seeds_needed,
    paired_test,
    summarise,
)
from vit_lab.config import DataConfig, InitConfig, OptimConfig
from vit_lab.datasets import DATASETS
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import RESUMABLE, Status
from vit_lab.settings import difference

State = Literal["too few", "exploratory", "demo", "not yet", "not decided", "decided"]
Score = Literal["last", "best"]


@dataclass(frozen=True)
class ArmOutcome:
    """One arm under one condition: its scores by seed, their summary, and what became of the other runs."""

    arm: int
    condition: int
    scores: dict[int, float]
    summary: Summary
    planned: int
    diverged: int
    missing: int


@dataclass(frozen=True)
class Comparison:
    """Arm `b` minus arm `a` under one condition, over the seeds that both have finished.

    `planned` counts the pairs there will be, `still` those of them with a run that stands still; `p_holm` is corrected for all comparisons of the experiment.
    """

    a: int
    b: int
    condition: int
    differences: dict[int, float]
    test: PairedTest
    planned: int
    still: int
    comparisons: int
    p_holm: float | None
    exploratory: bool = False  # judged by a score that was chosen after the fact

    @property
    def state(self) -> State:
        """How much may be said. A winner is named only when all planned pairs are in, so that nobody stops at a whim."""
        if self.test.n < FEWEST_FOR_INTERVAL:
            return "too few"
        if self.exploratory:
            return "exploratory"
        if self.test.n < self.planned:
            return "not yet"
        if self.test.n < FEWEST_FOR_EVIDENCE:
            return "demo"
        decided = self.p_holm is not None and self.p_holm < 0.05 and not self.holds_zero
        return "decided" if decided else "not decided"

    @property
    def holds_zero(self) -> bool:
        """Whether the interval holds 0, so that no difference at all is still possible."""
        return self.test.low is None or self.test.high is None or self.test.low <= 0 <= self.test.high

    @property
    def winner(self) -> int | None:
        """The arm that is better beyond doubt of the usual size, if one is."""
        if self.state != "decided" or self.test.mean is None:
            return None
        return self.b if self.test.mean > 0 else self.a


def score_of(run: RunRecord, score: Score = "last") -> float | None:
    """A run's result: its test accuracy at the last step, or at the step that was best on validation."""
    if run.status == Status.DIVERGED:
        return 1 / run.config.model.num_classes
    if run.status != Status.FINISHED:
        return None
    return run.test_accuracy if score == "last" else run.best_test_accuracy


def scores_of(runs: Sequence[RunRecord], score: Score = "last") -> dict[str, float]:
    """The result of every run that has one, by run id."""
    return {run.id: value for run in runs if (value := score_of(run, score)) is not None}


def arm_outcomes(runs: Sequence[RunRecord], scores: Mapping[str, float]) -> list[ArmOutcome]:
    """One outcome for each condition and arm, in that order. Pilots are left out."""
    proper = [run for run in runs if not run.pilot]
    outcomes = []
    for condition, arm in sorted({(run.condition, run.arm) for run in proper}):
        own = [run for run in proper if (run.condition, run.arm) == (condition, arm)]
        found = {run.config.seed: scores[run.id] for run in own if run.id in scores}
        outcomes.append(
            ArmOutcome(
                arm=arm,
                condition=condition,
                scores=dict(sorted(found.items())),
                summary=summarise([found[seed] for seed in sorted(found)]),
                planned=len(own),
                diverged=sum(run.status == Status.DIVERGED for run in own),
                missing=sum(run.status in RESUMABLE for run in own),
            )
        )
    return outcomes


def compare(runs: Sequence[RunRecord], scores: Mapping[str, float], *, exploratory: bool = False) -> list[Comparison]:
    """Every pair of arms under every condition, Holm-corrected together; no p value of a comparison under way counts."""
    cells = {(outcome.condition, outcome.arm): outcome for outcome in arm_outcomes(runs, scores)}
    planned = {(run.condition, run.arm, run.config.seed): run.status for run in runs if not run.pilot}
    found = []
    for condition in sorted({condition for condition, _ in cells}):
        for a, b in combinations(sorted(arm for c, arm in cells if c == condition), 2):
            one, other = cells[condition, a].scores, cells[condition, b].scores
            differences = {seed: other[seed] - one[seed] for seed in one if seed in other}
            seeds = [seed for c, arm, seed in planned if (c, arm) == (condition, a) and (condition, b, seed) in planned]
            pairs = [
                (planned[condition, a, seed], planned[condition, b, seed]) for seed in seeds if seed not in differences
            ]
            still = sum(one_status in RESUMABLE or other_status in RESUMABLE for one_status, other_status in pairs)
            found.append((a, b, condition, differences, paired_test(list(differences.values())), len(seeds), still))
    adjusted = holm([test.p_value if test.n >= planned else None for *_, test, planned, _ in found])
    return [Comparison(*parts, len(found), p, exploratory) for parts, p in zip(found, adjusted, strict=True)]


def swapped(c: Comparison) -> Comparison:
    """The same comparison seen from the other arm."""
    t = c.test
    test = PairedTest(t.n, _negative(t.mean), t.sd, _negative(t.high), _negative(t.low), t.p_value)
    differences = {seed: -value for seed, value in c.differences.items()}
    return Comparison(
        c.b, c.a, c.condition, differences, test, c.planned, c.still, c.comparisons, c.p_holm, c.exploratory
    )


def verdict(c: Comparison, a: str, b: str) -> str:
    """A sentence that a class can read aloud: what is known of arm `b` against arm `a`, given their names."""
    test, pairs = c.test, _pairs(c.test.n)
    if test.mean is None:
        return f"No pair has finished yet; {_coming(c)}."
    lead = _lead(test.mean, a, b)
    if test.low is None or test.high is None:
        rest = f"; {_coming(c)}" if c.planned > test.n else ""
        return f"{lead} after {pairs}: too few for an interval, which takes {FEWEST_FOR_INTERVAL}{rest}."
    low, high = sorted((test.low, test.high), reverse=test.mean < 0)
    low, high = (low, high) if test.mean >= 0 else (-low, -high)  # as the lead is told: positive for who is ahead
    found = f"{lead} (95 % interval {low * 100:+.1f} to {high * 100:+.1f}, {pairs})"
    if c.state == "exploratory":
        return f"Chosen after the fact, so no verdict: {found}."
    if c.state == "not yet":
        return f"So far, {found}; {_coming(c)}."
    if c.state == "demo":
        return f"A demo, not evidence: {found}. Evidence begins at {FEWEST_FOR_EVIDENCE} pairs."
    if c.winner is not None:
        better, worse = (b, a) if c.winner == c.b else (a, b)
        size = f"{abs(test.mean) * 100:.1f} points"
        corrected = f", also after correction for {c.comparisons} comparisons" if c.comparisons > 1 else ""
        return f"{better} is better than {worse} by {size} (95 % interval {low * 100:.1f} to {high * 100:.1f}, {pairs}){corrected}."
    if not c.holds_zero:
        return f"Not decided: {found}, which is not enough once {c.comparisons} comparisons are counted (Holm p = {c.p_holm:.2f})."
    more = more_seeds_needed(test.mean, test.sd or 0.0, test.n, alpha=0.05 / c.comparisons)
    advice = (
        f"about {more} more {'seed' if more == 1 else 'seeds'} would probably do"
        if more
        else f"a difference as small as this takes more than {MOST_SEEDS} further seeds to find"
    )
    return f"Not decided: {found}; {advice}."


def _lead(mean: float, a: str, b: str) -> str:
    if f"{abs(mean) * 100:.1f}" == "0.0":
        return f"{a} and {b} are even"
    ahead, behind = (b, a) if mean > 0 else (a, b)
    return f"{ahead} is ahead of {behind} by {abs(mean) * 100:.1f} points"


def _coming(c: Comparison) -> str:
    """The pairs without a result: '3 pairs to come, 1 of them when its runs are resumed'."""
    if not c.planned:
        return "these arms share no seed"
    resumed = f", {c.still} of them when {'its' if c.still == 1 else 'their'} runs are resumed" if c.still else ""
    return f"{_pairs(c.planned - c.test.n)} to come{resumed}"


def _pairs(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def condition_labels(runs: Sequence[RunRecord]) -> dict[int, str]:
    """What sets the conditions of an experiment apart, in words; of a single one, an empty text."""
    proper = [run for run in runs if not run.pilot]
    first = {condition: next(run.config for run in proper if run.condition == condition)
             for condition in sorted({run.condition for run in proper})}  # fmt: skip
    alike = [config.model_copy(update={"seed": 0, "init": InitConfig(), "optim": OptimConfig()})
             for config in first.values()]  # fmt: skip
    told = difference(*alike)
    return {condition: ", ".join(_setting(field, values[place], first[condition].data) for field, values in told.items())
            for place, condition in enumerate(first)}  # fmt: skip


def size_words(data: DataConfig) -> str:
    """How much there is to train on: '200 images', 'all clips'."""
    examples = DATASETS[data.dataset].examples
    return f"{data.train_size:,} {examples}" if data.train_size else f"all {examples}"


def _setting(field: str, value: object, data: DataConfig) -> str:
    if field == "train_size":
        return size_words(data)
    if field == "label_noise":
        return f"{value:.0%} noisy labels" if value else "clean labels"
    return str(value) if field == "dataset" else f"{field.replace('_', ' ')} {value}"
