"""Runs are named after what sets them apart."""

import pytest
from tiny import tiny

from vit_lab.runs.records import run_name
from vit_lab.spelling import arm_label


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({}, "linear-default"),
        ({"scheme": "xavier"}, "xavier"),
        ({"scheme": "normal", "variance_scale": 0.01}, "normal × 0.01"),
        ({"scheme": "vit", "variance_scale": 4, "qk_scale": 2}, "vit × 4 (queries, keys × 2)"),
        ({"embed_scale": 0.5, "head_scale": 1e3}, "linear-default (embedding × 0.5; classifier × 1,000)"),
    ],
)
def test_an_arm_is_labelled_by_its_init(settings, label):
    assert arm_label(tiny(**settings).init) == label


def test_a_run_is_named_by_arm_and_seed():
    assert run_name(tiny(scheme="kaiming", seed=3)) == "kaiming, seed 3"
