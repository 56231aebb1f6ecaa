"""What a step costs is told for each number of frames, and measuring ends when it should."""

import math

import pytest
import torch
from tiny import tiny

from vit_lab.training import cost
from vit_lab.training.cost import estimate_seconds, joint_against_divided


def test_joint_against_divided_beside_what_counting_says():
    [row] = joint_against_divided([2], repeats=1)
    assert set(row) == {"frames", "joint_ms", "divided_ms", "ratio", "macs_ratio", "scores_ratio"}
    assert row["frames"] == 2 and row["joint_ms"] > 0 and row["divided_ms"] > 0
    assert row["scores_ratio"] == pytest.approx(2 * 49 / (2 + 49), abs=1e-3)
    width, hidden, joint, divided = 48, 96, 2 * 49, 2 + 49
    by_hand = (4 * width + 2 * hidden + 2 * joint) / (9 * width + 2 * hidden + 2 * divided)
    assert row["macs_ratio"] == pytest.approx(by_hand, abs=1e-3)


def test_nothing_more_is_begun_when_the_time_is_over():
    assert len(list(joint_against_divided([2, 2, 2, 2], repeats=1, most_seconds=0.0))) <= 1


@pytest.mark.parametrize("held_out", [None, 0])
def test_a_run_takes_some_seconds_with_and_without_validation(held_out):
    seconds = estimate_seconds(tiny(validation_size=held_out))
    assert math.isfinite(seconds) and seconds > 0


def test_a_run_is_timed_where_it_will_train(monkeypatch):
    timed = []

    def train(config, data, device):
        timed.append(device)
        return cost_train(config, data, "cpu")

    cost_train = cost.train
    monkeypatch.setattr(cost, "train", train)
    monkeypatch.setattr(cost, "chosen_device", lambda: torch.device("cuda"))
    estimate_seconds(tiny())
    assert timed == [torch.device("cuda")]
