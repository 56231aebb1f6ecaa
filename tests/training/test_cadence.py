"""Measurements are spread evenly, include both ends, and are about as many as asked for."""

from itertools import pairwise

import pytest

from vit_lab.training.cadence import is_due, is_power_of_two


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
