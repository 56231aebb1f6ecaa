"""Measurements are spread evenly, include both ends, and are about as many as asked for."""

from itertools import pairwise

import pytest

from vit_lab.training.cadence import is_due, is_power_of_two, probe_steps, thinned


@pytest.mark.parametrize("total", [1, 2, 19, 20, 21, 39, 40, 300, 2266])
@pytest.mark.parametrize("times", [1, 20, 250])
def test_moments_are_even_and_include_both_ends(total, times):
    due = [step for step in range(total + 1) if is_due(step, total, times)]
    assert due[0] == 0 and due[-1] == total
    gaps = {later - earlier for earlier, later in pairwise(due[:-1])}
    assert len(gaps) <= 1, "only the last gap may differ"
    assert min(total, times) < len(due) <= 2 * times + 1


def test_powers_of_two():
    assert [step for step in range(70) if is_power_of_two(step)] == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("total", [1, 2, 19, 40, 300, 2266])
@pytest.mark.parametrize("times", [1, 16])
def test_probe_steps_are_those_that_are_due_and_the_powers_of_two(total, times):
    expected = [step for step in range(total + 1) if is_due(step, total, times) or is_power_of_two(step)]
    assert probe_steps(total, times) == expected


@pytest.mark.parametrize("most", [0, 1, 2, 5, 26, 27, 100])
def test_thinned_steps_are_so_many_spread_evenly_and_end_with_the_last(most):
    steps = probe_steps(300, 16)
    left = thinned(steps, most)
    assert len(left) == min(most, len(steps)) and left == sorted(set(left)) and set(left) <= set(steps)
    if left:
        assert left[-1] == 300
        places = [steps.index(step) for step in left]
        gaps = [later - earlier for earlier, later in pairwise(places)]
        assert not gaps or max(gaps) - min(gaps) <= 1
