"""The statistics agree with scipy's own, with cases worked by hand, and with what simulated experiments do."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vit_lab.analysis.statistics import (
    MOST_MORE_SEEDS,
    accuracy_noise,
    holm,
    more_seeds_needed,
    paired_test,
    power,
    summarise,
)

accuracies = st.floats(0, 1).map(lambda x: round(x, 4))
p_values = st.lists(st.floats(0, 1) | st.none(), max_size=8)


@pytest.mark.parametrize("n", [3, 4, 6, 20, 100])
def test_the_paired_test_is_scipys(n):
    a, b = np.random.default_rng(n).normal(0.9, 0.02, (2, n))
    test, expected = paired_test(list(b - a)), stats.ttest_rel(b, a)
    interval = expected.confidence_interval(0.95)
    assert test.n == n and test.mean == pytest.approx(np.mean(b - a))
    assert test.p_value == pytest.approx(expected.pvalue)
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high))


@given(st.lists(st.tuples(accuracies, accuracies), min_size=3, max_size=12))
def test_the_paired_test_is_scipys_for_any_accuracies(pairs):
    differences = [b - a for a, b in pairs]
    test = paired_test(differences)
    assert 0 <= test.p_value <= 1
    if test.sd > 1e-9:
        assert test.p_value == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=1e-12)
        assert (test.p_value < 0.05) == (not test.low <= 0 <= test.high)


@pytest.mark.parametrize("values", [[0.5, 0.25, 0.75], [0.91, 0.92, 0.95, 0.97, 0.9], list(np.linspace(0, 1, 40))])
def test_a_summary_is_mean_sd_and_t_interval(values):
    s = summarise(values)
    assert (s.n, s.mean, s.sd) == (len(values), pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert (s.low, s.high) == pytest.approx(
        stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    )


@pytest.mark.parametrize(
    ("values", "mean", "sd"), [([], None, None), ([0.5], 0.5, None), ([0.5, 0.7], 0.6, math.sqrt(0.02))]
)
def test_below_three_values_there_is_no_interval_and_below_two_no_sd(values, mean, sd):
    test = paired_test(values)
    assert (test.mean, test.sd) == (pytest.approx(mean), pytest.approx(sd))
    assert (test.low, test.high, test.p_value) == (None, None, None)


def test_differences_without_spread_are_certain_or_none():
    assert paired_test([0.0] * 4).p_value == 1.0
    same = paired_test([0.25] * 4)
    assert (same.p_value, same.low, same.high) == (0.0, 0.25, 0.25)


@pytest.mark.parametrize(
    ("given_values", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04], [0.02, 0.04]),
        ([0.04, 0.01], [0.04, 0.02]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 3 x 0.01; 2 x 0.03; 1 x 0.04, but no less than the one before
        ([0.6, 0.7, 0.9], [1.0, 1.0, 1.0]),
        ([None, 0.02], [None, 0.04]),
        ([None, None], [None, None]),
    ],
)
def test_holm_as_worked_by_hand(given_values, adjusted):
    assert holm(given_values) == [None if p is None else pytest.approx(p) for p in adjusted]


@given(p_values)
def test_holm_keeps_the_order_and_never_makes_a_p_value_smaller(values):
    adjusted = holm(values)
    known = sorted((p, a) for p, a in zip(values, adjusted, strict=True) if p is not None)
    assert all(p <= a <= min(1, len(values) * p) + 1e-12 for p, a in known)
    assert [a for _, a in known] == sorted(a for _, a in known)
    assert [p is None for p in values] == [a is None for a in adjusted]


@pytest.mark.parametrize(("mean", "sd", "n"), [(1.0, 1.5, 6), (-1.0, 2.0, 6), (0.5, 1.5, 10), (0.01, 0.03, 3)])
def test_with_the_seeds_that_are_asked_for_four_experiments_in_five_decide(mean, sd, n):
    seeds = n + more_seeds_needed(mean, sd, n)
    drawn = np.random.default_rng(0).normal(mean, sd, (20_000, seeds))
    power = np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05)
    fewer = np.mean(stats.ttest_1samp(drawn[:, :-1], 0, axis=1).pvalue < 0.05)
    assert 0.79 < power < 0.86 and fewer < 0.81


EFFECTS = (1e-6, 0.01, 0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 3.0, 10.0, 1e4)  # means, in units of the sd
LEVELS = (0.05, 0.05 / 36)


@pytest.mark.parametrize("alpha", LEVELS)
@pytest.mark.parametrize("effect", EFFECTS)
def test_the_power_grows_with_the_pairs_from_the_level_to_one(effect, alpha):
    found = [power(effect, 1.0, n, alpha) for n in (3, 4, 6, 10, 20, 37, 60, 100, 206, 300)]
    assert all(math.isfinite(share) and alpha * 0.999 <= share <= 1 for share in found)
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(found))


@pytest.mark.parametrize("alpha", LEVELS)
@pytest.mark.parametrize("n", [3, 6, 60, 206])
def test_the_power_is_that_of_the_noncentral_t_distribution_where_scipy_knows_it(n, alpha):
    critical, known = stats.t.ppf(1 - alpha / 2, n - 1), 0
    for effect in EFFECTS:
        noncentral = stats.nct(n - 1, effect * math.sqrt(n))
        far = noncentral.cdf(-critical)
        if math.isfinite(far):
            assert power(effect, 1.0, n, alpha) == pytest.approx(noncentral.sf(critical) + far, abs=1e-9)
            known += 1
    assert known > 3


@pytest.mark.parametrize(("effect", "n"), [(1.0, 60), (0.3, 60), (0.5, 6), (3.0, 3)])
def test_the_power_is_the_share_of_simulated_experiments_that_find_the_difference(effect, n):
    drawn = np.random.default_rng(n).normal(-effect, 1.0, (20_000, n))
    share = np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05)
    assert power(-effect, 1.0, n) == pytest.approx(share, abs=0.012)


def test_where_the_power_is_near_one_no_more_seeds_are_asked_for_than_decide():
    assert more_seeds_needed(1.0, 1.0, 60) == 1
    assert more_seeds_needed(0.353, 6.1e-05, 37) == 1


def test_no_number_of_seeds_is_advised_where_there_is_nothing_to_find():
    assert more_seeds_needed(0.0, 0.01, 6) is None
    assert more_seeds_needed(0.0001, 0.05, 6) is None
    assert more_seeds_needed(0.01, 0.0, 6) == 1


@given(st.floats(1e-6, 1), st.floats(1e-6, 0.5), st.integers(3, 100), st.sampled_from([-1, 1]))
def test_the_advice_is_a_number_of_seeds_or_none_and_the_same_for_either_direction(mean, sd, n, sign):
    advice = more_seeds_needed(sign * mean, sd, n)
    assert advice is None or 1 <= advice <= MOST_MORE_SEEDS
    assert advice == more_seeds_needed(mean, sd, n)


@pytest.mark.parametrize(("images", "points"), [(10_000, 0.33), (1_000, 1.06)])
def test_the_noise_of_a_test_set_at_97_percent(images, points):
    assert accuracy_noise(0.97, images) * 100 == pytest.approx(points, abs=0.005)
