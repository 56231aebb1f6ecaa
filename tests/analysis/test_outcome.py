"""What is said of the arms of one seed: only what came out, also of runs that diverged."""

import pytest
from test_comparison import found

from vit_lab.analysis.outcome import outcome_words
from vit_lab.runs.states import ACTIVE, RESUMABLE, Status

NAMES = {0: "A (linear-default)", 1: "B (xavier)", 2: "C (kaiming)"}
CAUTION = " is a demonstration, not evidence."


def told(*arms):
    """What is said of an experiment with one accuracy or state an arm."""
    return outcome_words(found(*([one] for one in arms)), NAMES)


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ((0.911, 0.934), "B (xavier) ended 2.3 points above A (linear-default): test accuracy 93.4% against 91.1%"),
        ((0.934, 0.911), "A (linear-default) ended 2.3 points above B (xavier): test accuracy 93.4% against 91.1%"),
        ((0.8625, 0.8504), "A (linear-default) ended 1.2 points above B (xavier): test accuracy 86.2% against 85.0%"),
        ((0.9341, 0.9344), "A (linear-default) and B (xavier) ended even: test accuracy 93.4%"),
        (
            (0.911, Status.DIVERGED),
            "A (linear-default) ended 81.1 points above B (xavier) (diverged, counted as guessing): "
            "test accuracy 91.1% against 10.0%",
        ),
        ((Status.DIVERGED, Status.DIVERGED), "Both arms diverged, and count as guessing: 10.0%"),
    ],
)
def test_a_pair_is_told_in_a_sentence_whose_numbers_agree(arms, words):
    assert told(*arms) == f"{words}. One pair{CAUTION}"


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (
            (0.911, Status.DIVERGED, 0.934),
            "Test accuracy, best first: C (kaiming) 93.4%, A (linear-default) 91.1%, "
            "B (xavier) (diverged, counted as guessing) 10.0%",
        ),
        ((Status.DIVERGED,) * 3, "All arms diverged, and count as guessing: 10.0%"),
    ],
)
def test_several_arms_are_told_in_their_order(arms, words):
    assert told(*arms) == f"{words}. One seed{CAUTION}"


@pytest.mark.parametrize("status", [*ACTIVE, *RESUMABLE])
def test_nothing_is_said_before_all_arms_have_a_result(status):
    assert told(0.9, status) is None


def test_nothing_is_said_of_a_single_arm_or_of_several_seeds():
    assert told(0.9) is None and outcome_words(found(), NAMES) is None
    assert outcome_words(found([0.9, 0.8], [0.7, 0.6]), NAMES) is None
