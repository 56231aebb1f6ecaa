"""What a step costs is told for each number of frames, and measuring ends when it should."""

import pytest

from vit_lab.training.cost import joint_against_divided


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
