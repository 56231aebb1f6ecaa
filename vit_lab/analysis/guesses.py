"""The guesses of a class beside what its pairs came to. Points are points of accuracy, the second arm minus the first.

Verdicts are those of `vit_lab.analysis.comparison`; nothing is judged here but how close a guess was.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import Comparison, compare
from vit_lab.analysis.export import cell
from vit_lab.analysis.scores import scores_of
from vit_lab.runs.classroom import Board

LEVELS = 6  # of dots upon one another, for which a strip has room at least
COLUMNS = ("name", "seed", "condition", "twin", "guess", "own_pair", "class_mean", "off_by")


@dataclass(frozen=True)
class Line:
    """One student: their guess, what their own pair came to, and what those of the class did under their settings.

    None is what is not known: a guess that is hidden, a pair without a result. `arm` is the twin that they named, which
    a `guess` of 0 points does not tell.
    """

    visitor: str
    name: str
    seed: int | None
    condition: int
    arm: int | None
    guess: float | None
    own_pair: float | None
    class_mean: float | None

    @property
    def off_by(self) -> float | None:
        """How far the guess is from the mean of the class."""
        return None if self.guess is None or self.class_mean is None else abs(self.guess - self.class_mean)

    @property
    def guessed(self) -> str:
        """The guess as a class reads it: 'B +3.0', and 'B +0.0' of who named B by no points."""
        return "–" if self.arm is None else f"{letter(self.arm)} +{abs(self.guess or 0.0):.1f}"

    @property
    def twin(self) -> str:
        """The letter of the twin that they named; nothing while it is hidden."""
        return "" if self.arm is None else letter(self.arm)


def comparisons(board: Board) -> list[Comparison]:
    """The pairs of the round compared, under each set of settings: just what the page Compare makes of its runs."""
    return compare(board.experiment, scores_of(board.experiment)) if board.experiment.proper else []


def lines(board: Board, found: Sequence[Comparison]) -> list[Line]:
    """A line for each student, in the order in which they joined; `found` are the `comparisons` of the board."""
    guesses = {guess.visitor: guess for guess in board.guesses}
    pairs = {seed: (c, value * 100) for c in found for seed, value in c.differences.items()}
    means = {c.condition: None if c.test.mean is None else c.test.mean * 100 for c in found}
    told = []
    for player in board.players:
        seed, guess = (board.seeds or {}).get(player.visitor), guesses.get(player.visitor)
        own = pairs.get(seed) if seed is not None else None
        condition = guess.condition if guess else own[0].condition if own else 0
        told.append(
            Line(
                player.visitor,
                player.nickname,
                seed,
                condition,
                guess.arm if guess else None,
                guess.signed if guess else None,
                own[1] if own else None,
                means.get(condition),
            )
        )
    return told


def closest(told: Sequence[Line]) -> list[Line]:
    """Who came closest to the mean of the class: one, or several who are equally close to a tenth of a point."""
    known = [(round(line.off_by, 1), line) for line in told if line.off_by is not None]
    best = min((off for off, _ in known), default=None)
    return [line for off, line in known if off == best]


def right_twin(told: Sequence[Line]) -> tuple[int, int]:
    """How many guessed the twin that is ahead, and of how many."""
    known = [(line.arm, line.class_mean) for line in told if line.arm is not None and line.class_mean is not None]
    return sum(mean != 0 and arm == int(mean > 0) for arm, mean in known), len(known)


def closest_words(best: Sequence[Line]) -> str:
    """A sentence on those who came closest: one, or several whose guesses may lie on both sides of the mean."""
    off = f"{best[0].off_by or 0.0:.1f} points off"
    means, guesses = {ahead(line.class_mean) for line in best}, {line.guessed for line in best}
    if len(means) > 1:
        return f"Their guesses were {off} what the class came to under their settings."
    came = f"The class came to {means.pop()}"
    if len(guesses) > 1:
        return f"{came}; their guesses were {off}."
    return f"{came}; {'their' if len(best) > 1 else 'the'} guess was {guesses.pop()}, {off}."


def ahead(points: float | None) -> str:
    """A difference as a class reads it: 'B +3.2', or 'even'; a dash where there is none."""
    if points is None:
        return "–"
    return "even" if f"{abs(points):.1f}" == "0.0" else f"{letter(int(points > 0))} +{abs(points):.1f}"


def guess_rows(told: Sequence[Line], found: Sequence[Comparison], *, names: bool = True) -> pd.DataFrame:
    """Rows for GUESSES: guesses stand above the axis, pairs below it, those at one place upon one another.

    The mean of the first comparison, with its interval, lies on the axis.
    """
    rows: list[dict[str, object]] = []
    for kind, side in (("guess", 1), ("pair", -1)):
        points = [(line, line.guess if kind == "guess" else line.own_pair) for line in told]
        known = [(line, value) for line, value in points if value is not None]
        tallest = max(Counter(round(value) for _, value in known).values(), default=1)
        stacked: Counter[int] = Counter()
        for line, value in known:
            stacked[round(value)] += 1
            height = side * stacked[round(value)] / max(LEVELS, tallest)
            who = line.name if names else "a student"
            arm = line.twin if kind == "guess" else letter(int(value > 0))
            rows.append({"kind": kind, "points": value, "height": height, "arm": arm, "name": who})
    test = found[0].test if found else None
    if test is not None and test.mean is not None:
        low, high = (None if end is None else end * 100 for end in (test.low, test.high))
        rows.append({"kind": "mean", "points": test.mean * 100, "low": low, "high": high, "name": f"mean of {test.n}"})
    return pd.DataFrame(rows, columns=["kind", "points", "height", "arm", "name", "low", "high"])


@dataclass(frozen=True)
class Results(Board):
    """A round with what it came to, worked out once however many look at it."""

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """See `comparisons`."""
        return comparisons(self)

    @cached_property
    def lines(self) -> list[Line]:
        """See `lines`."""
        return lines(self, self.comparisons)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """See `guess_rows`."""
        return guess_rows(self.lines, self.comparisons)


def guesses_csv(told: Sequence[Line], *, names: bool) -> str:
    """One row a student, as CSV text; without names unless they are wanted."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = COLUMNS if names else COLUMNS[1:]
    table.writerow(columns)
    for line in told:
        table.writerow([cell(_rounded(getattr(line, column))) for column in columns])
    return text.getvalue()


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
