"""Names of lines stand apart, in the order of the lines, and on the axis."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_lab.analysis.line_names import apart, beyond

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


def test_a_name_stands_beyond_what_lines_span():
    assert beyond({"A": (1.0, 2.0)}, 0.1) == {"A": 2.1} and beyond({"A": (1.0, 2.0)}, 0.1, downwards=True) == {"A": 0.9}
    far = {"A": (1.0, 2.0), "B": (4.0, 5.0)}
    assert beyond(far, 0.25) == {"A": 2.25, "B": 5.25} and beyond(far, 0.25, downwards=True) == {"A": 0.75, "B": 3.75}
    crossing = {"A": (1.0, 2.0), "B": (1.5, 3.0), "C": (3.25, 4.0)}
    assert beyond(crossing, 0.5) == {"A": 4.5, "B": 4.5, "C": 4.5}
