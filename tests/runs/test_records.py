"""A stored run says whether it can be read, what it is doing, and what it is called."""

import pytest
from tiny import record, tiny

from vit_lab.runs.records import run_name
from vit_lab.runs.states import Status


def test_a_run_is_named_by_arm_and_seed():
    assert run_name(tiny(scheme="kaiming", seed=3)) == "kaiming, seed 3"
    assert run_name(tiny(scheme="xavier", variance_scale=3)) == "xavier × 3, seed 0"


@pytest.mark.parametrize("status", Status)
def test_a_run_is_active_or_resumable_or_has_ended(status):
    run = record(tiny(), status)
    assert [run.is_active, run.is_resumable, run.has_ended].count(True) == 1


def test_settings_of_another_version_are_unreadable_and_say_why():
    assert record(tiny()).unreadable is None
    assert record(tiny(), config_json='{"seed": -1}').unreadable == (
        "seed: -1 does not work; it should be greater than or equal to 0"
    )
    assert record(tiny(), config_json="{").unreadable == "config: the text is not valid JSON"


@pytest.mark.parametrize("length", [{"steps": 40}, {"epochs": 3, "batch_size": 20}])
def test_a_run_knows_how_long_it_will_be_before_it_has_begun(length):
    config = tiny(train_size=50, **length)
    assert record(config, Status.QUEUED, total_steps=None).planned_steps == (40 if "steps" in length else 9)
    assert record(config, total_steps=7).planned_steps == 7, "what it said itself"
