"""A map of ends holds the runs that differ from its base in the two axes and the seed, and no others."""

import dataclasses

import pytest
from tiny import record, tiny

from vit_lab.analysis.ends import End, ends
from vit_lab.axes import Grid
from vit_lab.runs.states import Status

GRID = Grid.around(tiny(), "queries-keys", "depth")


def test_runs_of_a_cell_are_taken_together_whatever_their_seeds():
    runs = [
        record(tiny(qk_scale=10.0, seed=1), test_accuracy=0.8),
        record(tiny(qk_scale=10.0, seed=2), test_accuracy=0.6),
        record(tiny(qk_scale=10.0, seed=3), Status.DIVERGED),
        record(tiny(qk_scale=0.1, depth=4), test_accuracy=0.15),
    ]
    assert ends(GRID, runs) == {
        (10.0, 2.0): End(accuracy=pytest.approx(0.5), runs=3, diverged=1, silent=0),
        (0.1, 4.0): End(accuracy=0.15, runs=1, diverged=0, silent=1),
    }


def test_what_is_no_end_on_this_map_is_left_out():
    here = {"test_accuracy": 0.9}
    runs = [
        record(tiny(), Status.RUNNING),
        record(tiny(), Status.STOPPED),
        record(tiny(), pilot=1, **here),
        record(tiny(learning_rate=0.1), **here),
        record(tiny(train_size=20), **here),
        record(tiny(scheme="xavier"), **here),
        record(tiny(vo_scale=2.0), **here),
        record(tiny(qk_scale=1.7), **here),
        dataclasses.replace(record(tiny(), **here), config_json="{"),
    ]
    assert ends(GRID, runs) == {}
    assert len(ends(GRID, [*runs, record(tiny(), **here)])) == 1
