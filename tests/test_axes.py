"""An axis changes a config in one property and reads it back; a grid has a config for each cell."""

import pytest
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.axes import ALL_AXES, AXES, SCALES, Grid, axes_for
from vit_lab.config import RunConfig
from vit_lab.settings import configure, difference

BASES = {"vit": tiny(), "timesformer": tiny_clips(), "transformer": tiny_sequences()}


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("name", AXES)
def test_an_axis_sets_its_settings_alone_and_reads_them_back(name, kind):
    axis, base = AXES[name], BASES[kind]
    for value in axis.values(base):
        config = axis.at(base, value)
        assert axis.of(config) == value
        assert set(difference(base, config)) <= set(axis.settings)


def test_values_rise_and_one_is_among_the_scales():
    for axis in ALL_AXES:
        values = axis.values(RunConfig())
        assert list(values) == sorted(set(values)) and min(values) > 0
    assert len(SCALES) == 15 and 1.0 in SCALES


def test_an_axis_that_a_kind_of_model_has_not_is_not_offered():
    assert [axis.name for axis in axes_for(BASES["vit"])] == list(AXES)
    assert [axis.name for axis in axes_for(BASES["transformer"])] == [name for name in AXES if name != "tokens"]
    assert AXES["tokens"].values(RunConfig()) == (4.0, 16.0, 49.0, 196.0)
    assert AXES["tokens"].values(BASES["transformer"]) == ()


def test_settings_that_no_value_of_an_axis_gives_have_no_place_on_it():
    assert AXES["values-mlp"].of(tiny(vo_scale=2.0)) is None
    assert AXES["values-mlp"].of(tiny(vo_scale=2.0, mlp_scale=2.0)) == 2.0


def test_a_grid_has_a_config_for_each_cell_row_by_row():
    grid = Grid.around(tiny(), "queries-keys", "depth")
    assert len(grid.configs) == len(grid.places) == 15 * 9
    assert grid.places[0] == (0.01, 1.0) and grid.places[1] == (0.0215, 1.0) and grid.places[-1] == (464.0, 24.0)
    for place, config in zip(grid.places, grid.configs, strict=True):
        assert config == tiny(qk_scale=place[0], depth=int(place[1]))
        assert grid.place_of(config) == place


def test_a_grid_does_not_depend_on_where_its_config_lies_on_the_axes():
    axes = "all-weights", "tokens"
    grid = Grid.around(tiny(), *axes)
    assert grid == Grid.around(tiny(variance_scale=7.0, patch_size=4), *axes)
    assert grid != Grid.around(tiny(variance_scale=7.0, qk_scale=2.0), *axes)
    assert grid.place_of(tiny(variance_scale=7.0, patch_size=4)) == (7.0, 49.0)
    assert grid.place_of(tiny(scheme="xavier")) is None
    assert Grid.around(tiny(vo_scale=3.0), "values-mlp", "depth").place_of(tiny(vo_scale=3.0)) is None


def test_a_coarse_grid_has_every_third_value():
    grid = Grid.around(configure(), "queries-keys", "values-mlp", is_coarse=True)
    assert grid.values == ((0.01, 0.1, 1.0, 10.0, 100.0),) * 2 and len(grid.configs) == 25
