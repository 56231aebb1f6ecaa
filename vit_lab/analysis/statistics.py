"""Statistics over paired seeds: the unit is the seed, and a pair is two arms that share one.

Paired t: Student 1908. Correction for several comparisons: Holm 1979. Numbers are whatever the caller measures in.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special  # not scipy.stats, whose import takes four times as long

CONFIDENCE = 0.95
FEWEST_FOR_INTERVAL = 3
POWER = 0.8  # how probably the seeds that are asked for would decide
MOST_MORE_SEEDS = 200  # beyond this, "more seeds" is no advice
NODES, WEIGHTS = np.polynomial.legendre.leggauss(256)  # of the integral in `power`


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation (n - 1) and 95 % t interval; None where n is too small for it."""

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PairedTest(Summary):
    """A summary of paired differences, with the two-sided p value of no difference at all."""

    p_value: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Mean, sd and interval of some values: no sd below 2, no interval below 3."""
    n = len(values)
    mean = float(np.mean(values)) if n else None
    sd = float(np.std(values, ddof=1)) if n > 1 else None
    if n < FEWEST_FOR_INTERVAL or mean is None or sd is None:
        return Summary(n, mean, sd, None, None)
    half = half_width(sd, n)
    return Summary(n, mean, sd, mean - half, mean + half)


def half_width(sd: float, n: int) -> float:
    """How far the 95 % t interval of a mean reaches to each side."""
    return _t_quantile(n - 1) * sd / math.sqrt(n)


@cache
def _t_quantile(df: int) -> float:
    """Kept, for a live chart asks for the same few hundreds of times."""
    return float(special.stdtrit(df, (1 + CONFIDENCE) / 2))


def paired_test(differences: Sequence[float]) -> PairedTest:
    """The paired t test on differences, one a seed. Without any spread, p is 0, or 1 if the differences are 0."""
    s = summarise(differences)
    if s.low is None or s.mean is None or s.sd is None:
        return PairedTest(s.n, s.mean, s.sd, None, None, None)
    if s.sd == 0:
        p = 1.0 if s.mean == 0 else 0.0
    else:
        p = 2 * float(special.stdtr(s.n - 1, -abs(s.mean) / (s.sd / math.sqrt(s.n))))
    return PairedTest(s.n, s.mean, s.sd, s.low, s.high, p)


def wilson(successes: int, n: int) -> tuple[float, float] | None:
    """The 95 % interval of a proportion (Wilson 1927); None without a trial. Right also where all or none succeed."""
    if not n:
        return None
    share, z = successes / n, float(special.ndtri((1 + CONFIDENCE) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """That of the line through the points with the least squares. x must not be all alike."""
    centred = np.asarray(x, dtype=float) - np.mean(x)
    return float(centred @ np.asarray(y, dtype=float) / (centred @ centred))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Each p value adjusted so that, of all together, any errs in at most 5 % of cases, if each is called below 0.05.

    A comparison that has no p value yet counts as one of the family: it will have one.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        adjusted[place] = largest
    return adjusted


def more_seeds_needed(mean: float, sd: float, n: int, alpha: float = 0.05) -> int | None:
    """How many more seeds would decide with a probability of 80 %, if mean and sd of the differences stay as they are.

    For a test at level `alpha`. None if more than 200 would be needed, or if there is nothing to find.
    """
    if mean == 0:
        return None
    if sd == 0:
        return 1
    if power(mean, sd, n + MOST_MORE_SEEDS, alpha) < POWER:
        return None
    return 1 + bisect_left(range(1, MOST_MORE_SEEDS + 1), POWER, key=lambda more: power(mean, sd, n + more, alpha))


def power(mean: float, sd: float, n: int, alpha: float = 0.05) -> float:
    """How probably a paired t test over n pairs finds differences with this mean and sd. Grows with n.

    Both tails of the noncentral t distribution beyond the critical value: the normal tails for a given sd of the
    sample, averaged over the chi distribution of that sd. (SciPy's own is not a number far out.)
    """
    df, shift = n - 1, abs(mean) / sd * math.sqrt(n)
    critical = special.stdtrit(df, 1 - alpha / 2)
    low, high = np.sqrt(special.chdtri(df, [1 - 1e-12, 1e-12]) / df)  # the sd of the sample, in units of the true one
    spread = (low + high) / 2 + (high - low) / 2 * NODES
    logs = (df - 1) * np.log(spread) - df * spread**2 / 2  # of the chi density, but for a factor
    density = np.exp(logs - logs.max()) * WEIGHTS
    found = special.ndtr(shift - critical * spread) + special.ndtr(-shift - critical * spread)
    return min(1.0, float(np.average(found, weights=density)))


def accuracy_error(accuracy: float, images: int) -> float:
    """Binomial standard error of an accuracy, a fraction, that was measured on so many test images."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def accuracy_noise(accuracy: float, images: int) -> float:
    """How far a measured accuracy may lie from the true one for want of test images: half a 95 % normal interval."""
    return 1.96 * accuracy_error(accuracy, images)
