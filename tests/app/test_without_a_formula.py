"""A scheme for which no formula gives a variance is told without one: a dash stands where others promise a number."""

import math
from types import SimpleNamespace

from tiny import tiny

from vit_lab.config import GROUPS
from vit_lab.places import Place
from vit_lab.ui.arms import variance_words
from vit_lab.ui.train.preflight import _promises


def test_the_words_beside_an_arm():
    assert variance_words(tiny(scheme="mimetic")) == "**mimetic**: σ differs by matrix, see the preflight"
    assert "σ differs by matrix" in variance_words(tiny(scheme="deepnorm"))


def test_the_promises_of_the_preflight():
    rows = [("expected_std", Place(group=group), math.nan) for group in GROUPS]
    rows += [("weight_std", Place(group=group), 0.25) for group in GROUPS]
    table = _promises({0: SimpleNamespace(rows=rows)})
    assert table.to_dict("list") == {"A promised": ["–"] * 5, "A drawn": ["0.2500"] * 5}
