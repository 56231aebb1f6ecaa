"""Runs are named after what sets them apart."""

import pytest
from tiny import tiny

from vit_lab.runs.records import arm_label, run_name


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({}, "linear-default"),
        ({"scheme": "xavier"}, "xavier"),
        ({"scheme": "normal", "variance_scale": 0.01}, "normal x0.01"),
        ({"scheme": "vit", "variance_scale": 4, "qk_scale": 2}, "vit x4 (qk x2)"),
        ({"biases": "scheme", "mlp_scale": 2}, "linear-default (mlp x2, biases too)"),
        ({"embed_scale": 0.5, "head_scale": 1e3}, "linear-default (embed x0.5, head x1000)"),
    ],
)
def test_an_arm_is_labelled_by_its_init(settings, label):
    assert arm_label(tiny(**settings)) == label


def test_a_run_is_named_by_arm_and_seed():
    assert run_name(tiny(scheme="kaiming", seed=3)) == "kaiming, seed 3"
