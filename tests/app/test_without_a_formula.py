"""A scheme without a formula promises nothing: pages show what was drawn, and a dash where a promise would stand."""

import math

import pytest
from tiny import tiny

from vit_lab.config import GROUPS
from vit_lab.init.schemes import SCHEMES, Scheme
from vit_lab.places import Place
from vit_lab.probes.gauge import Start
from vit_lab.probes.preflight import Preflight
from vit_lab.ui.arms import variance_words
from vit_lab.ui.train.preflight import _promises


class Drawn(Scheme):
    """A scheme with no formula."""

    summary = source = "this test"

    def draw(self, given):
        yield from ()


@pytest.fixture
def no_formula(monkeypatch):
    """Config of an init that promises no variance."""
    monkeypatch.setitem(SCHEMES, "vit", Drawn())
    return tiny(scheme="vit")


def test_an_arm_is_told_by_its_name_alone(no_formula):
    assert variance_words(no_formula) == "**vit**"
    assert "σ² = " in variance_words(tiny(scheme="xavier"))


def test_preflight_shows_what_was_drawn_beside_a_dash():
    rows = [("expected_std", Place(group=group), math.nan) for group in GROUPS]
    rows += [("weight_std", Place(group=group), 0.02) for group in GROUPS]
    table = _promises([Preflight(rows, Start(0.0, 1.0, 0.0, 2.3, 10), [])])
    assert set(table["A promised"]) == {"–"} and set(table["A drawn"]) == {"0.0200"}
