"""What the runs of an experiment say about its arms, pair by pair, with how sure one may be.

Accuracies are fractions. A diverged run counts with the accuracy of guessing, 1 / classes: it is a result, and
leaving it out would flatter its arm. A run that stands still, whether paused, stopped, interrupted or failed, has no
result and is still planned: whoever could take pairs out of the plan by stopping them could choose the winner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from vit_lab.analysis.scores import has_learned
from vit_lab.analysis.statistics import (
    FEWEST_FOR_INTERVAL,
    MOST_MORE_SEEDS,
    PairedTest,
    Summary,
    holm,
    more_seeds_needed,
    paired_test,
    summarise,
)
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.spelling import counted

State = Literal["too few", "exploratory", "demo", "not yet", "not decided", "decided"]


@dataclass(frozen=True)
class ArmOutcome:
    """One arm under one condition: its scores by seed, their summary, and what became of the other runs.

    `trained` counts the runs whose score is above twice chance: those that learned anything.
    """

    arm: int
    condition: int
    scores: dict[int, float]
    summary: Summary
    planned: int
    diverged: int
    missing: int
    trained: int


@dataclass(frozen=True)
class Comparison:
    """Arm `b` minus arm `a` under one condition, over the seeds that both have finished.

    `planned` counts the pairs there will be, `still` those of them with a run that stands still; `p_holm` is corrected
    for all comparisons of the experiment.
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
    is_open: bool = False  # of a round that still takes guesses, so that nobody knows yet how many pairs are planned

    @property
    def state(self) -> State:
        """How much may be said. A winner is named only when all planned pairs are in: nobody may stop when it suits."""
        return state_of(self.test, self.planned, self.p_holm, exploratory=self.exploratory, is_open=self.is_open)

    @property
    def holds_zero(self) -> bool:
        """Whether the interval holds 0, so that no difference at all is still possible."""
        return holds_zero(self.test)

    @property
    def winner(self) -> int | None:
        """The arm that is better, if that is decided."""
        if self.state != "decided" or self.test.mean is None:
            return None
        return self.b if self.test.mean > 0 else self.a


def state_of(
    test: PairedTest, planned: int, p_holm: float | None, *, exploratory: bool = False, is_open: bool = False
) -> State:
    """How much may be said by a test over seeds, of so many that are planned (docs/decisions/007).

    While a round `is_open`, more may be planned any moment (039).
    """
    if test.n < FEWEST_FOR_INTERVAL:
        return "too few"
    if exploratory:
        return "exploratory"
    if is_open or test.n < planned:
        return "not yet"
    if test.n < FEWEST_FOR_EVIDENCE:
        return "demo"
    return "decided" if p_holm is not None and p_holm < 0.05 and not holds_zero(test) else "not decided"


def holds_zero(test: PairedTest) -> bool:
    """Whether the interval holds 0; so does one that there is not."""
    return test.low is None or test.high is None or test.low <= 0 <= test.high


def arm_outcomes(experiment: Experiment, scores: Mapping[str, float]) -> list[ArmOutcome]:
    """One outcome for each condition and arm, in that order."""
    return [_outcome(arm, condition, runs, scores) for (arm, condition), runs in experiment.cells.items()]


def _outcome(arm: int, condition: int, runs: Sequence[RunRecord], scores: Mapping[str, float]) -> ArmOutcome:
    found = {run.config.seed: scores[run.id] for run in runs if run.id in scores}
    return ArmOutcome(
        arm=arm,
        condition=condition,
        scores=found,
        summary=summarise(list(found.values())),
        planned=len(runs),
        diverged=sum(run.status == Status.DIVERGED for run in runs),
        missing=sum(run.is_resumable for run in runs),
        trained=sum(has_learned(run, scores.get(run.id)) for run in runs),
    )


def compare(experiment: Experiment, scores: Mapping[str, float], *, exploratory: bool = False) -> list[Comparison]:
    """Every pair of arms under every condition, Holm-corrected together; one under way has no corrected p value yet."""
    planned = {cell: {run.config.seed: run for run in runs} for cell, runs in experiment.cells.items()}
    found = []
    for condition in experiment.conditions:
        for a, b in combinations([arm for arm in experiment.arms if (arm, condition) in planned], 2):
            one, other = planned[a, condition], planned[b, condition]
            pairs = {seed: (one[seed], other[seed]) for seed in one if seed in other}
            differences = {
                seed: scores[theirs.id] - scores[mine.id]
                for seed, (mine, theirs) in pairs.items()
                if mine.id in scores and theirs.id in scores
            }
            coming = [pair for seed, pair in pairs.items() if seed not in differences]
            still = sum(any(run.is_resumable for run in pair) for pair in coming)
            found.append((a, b, condition, differences, paired_test(list(differences.values())), len(pairs), still))
    is_open = experiment.is_open
    adjusted = holm([test.p_value if test.n >= planned and not is_open else None for *_, test, planned, _ in found])
    return [Comparison(*parts, len(found), p, exploratory, is_open) for parts, p in zip(found, adjusted, strict=True)]


def swapped(c: Comparison) -> Comparison:
    """The same comparison seen from the other arm."""
    t = c.test
    test = PairedTest(t.n, _negative(t.mean), t.sd, _negative(t.high), _negative(t.low), t.p_value)
    differences = {seed: -value for seed, value in c.differences.items()}
    return replace(c, a=c.b, b=c.a, differences=differences, test=test)


def verdict(c: Comparison, a: str, b: str) -> str:
    """A sentence that a class can read aloud: what is known of arm `b` against arm `a`, given their names."""
    test, pairs = c.test, counted(c.test.n, "pair")
    if test.mean is None:
        return f"No pair has finished yet; {_coming(c)}."
    lead = _lead(test.mean, a, b)
    if test.low is None or test.high is None:
        rest = f"; {_coming(c)}" if c.is_open or c.planned > test.n else ""
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
        size = f"{abs(test.mean) * 100:.1f} points (95 % interval {low * 100:.1f} to {high * 100:.1f}, {pairs})"
        corrected = f", also after correction for {c.comparisons} comparisons" if c.comparisons > 1 else ""
        return f"{better} is better than {worse} by {size}{corrected}."
    if not c.holds_zero:
        corrected = f"once {c.comparisons} comparisons are counted (Holm p = {c.p_holm:.2f})"
        return f"Not decided: {found}, which is not enough {corrected}."
    more = more_seeds_needed(test.mean, test.sd or 0.0, test.n, alpha=0.05 / c.comparisons)
    advice = (
        f"about {counted(more, 'more seed')} would probably do"
        if more
        else f"a difference as small as this takes more than {MOST_MORE_SEEDS} further seeds to find"
    )
    return f"Not decided: {found}; {advice}."


def _lead(mean: float, a: str, b: str) -> str:
    if f"{abs(mean) * 100:.1f}" == "0.0":
        return f"{a} and {b} are even"
    ahead, behind = (b, a) if mean > 0 else (a, b)
    return f"{ahead} is ahead of {behind} by {abs(mean) * 100:.1f} points"


def _coming(c: Comparison) -> str:
    """The pairs without a result: '3 pairs to come, 1 of them when its runs are resumed'; more in an open round."""
    if not c.planned:
        return "these arms share no seed"
    resumed = f", {c.still} of them when {'its' if c.still == 1 else 'their'} runs are resumed" if c.still else ""
    left, with_each = c.planned - c.test.n, "with each guess until the round is closed"
    if c.is_open and not left:
        return f"one more comes {with_each}"
    return f"{counted(left, 'pair')} to come{resumed}{f', and one more {with_each}' if c.is_open else ''}"


def _negative(value: float | None) -> float | None:
    return None if value is None else -value
