"""Names of lines stand apart, in the order of the lines, and on the axis."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_lab.analysis.line_names import apart

PLACES = st.dictionaries(st.sampled_from("ABCDEF"), st.floats(0, 1), max_size=6)


@given(PLACES, st.booleans())
def test_names_are_apart_in_the_order_of_their_lines(places, downwards):
    found = apart(places, 0.1, downwards=downwards)
    assert found.keys() == places.keys()
    heights = sorted(found.values())
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(heights))
    assert min(heights, default=0.0) >= -1e-9
    for one in places:
        for other in places:
            assert places[one] <= places[other] or found[one] > found[other]


@pytest.mark.parametrize(("downwards", "wanted"), [(False, {"A": 0.5, "B": 0.6}), (True, {"A": 0.45, "B": 0.55})])
def test_names_that_have_room_stay_and_others_move_one_way(downwards, wanted):
    assert apart({"A": 0.5, "B": 0.55}, 0.1, downwards=downwards) == pytest.approx(wanted)


def test_on_an_axis_with_negative_values_none_is_lifted():
    assert apart({"A": -3.0, "B": -3.0}, 0.5) == {"A": -3.0, "B": -2.5}
