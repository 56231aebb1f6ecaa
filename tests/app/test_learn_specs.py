"""The charts of the lessons are constants too: no rows in them, and drawing leaves them alone."""

import copy

import pytest
from places import FOLDER
from test_appearance import everywhere, specs_of

from vit_lab.ui.figures import matrix, patch_map
from vit_lab.ui.learn.attention import scaling
from vit_lab.ui.learn.positions import figures as positions
from vit_lab.ui.learn.positions import shuffle

MODULES = (matrix, patch_map, positions, scaling, shuffle)
SPECS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": spec
    for module in MODULES
    for name, spec in specs_of(module).items()
}


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_holds_no_rows(name):
    assert SPECS[name]["layer"]
    for part in everywhere(SPECS[name]):
        assert "data" not in part and "datasets" not in part


def test_drawing_leaves_the_specs_alone(open_page):
    assert len(SPECS) == 18
    before = copy.deepcopy(SPECS)
    for lesson in ("learn_patches", "learn_positions", "learn_attention"):
        at = open_page(f"{FOLDER}/{lesson}.py")
        assert not at.exception and at.get("vega_lite_chart")
        assert all(chart.proto.alt for chart in at.get("vega_lite_chart"))
    assert before == SPECS
