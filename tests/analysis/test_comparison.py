"""What may be said of the arms of an experiment: when a winner is named, how often wrongly, and in which words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tiny import record, tiny

from vit_lab.analysis.comparison import arm_outcomes, compare, swapped, verdict
from vit_lab.analysis.scores import score_of, scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import ENDED, RESUMABLE, Status

EXPERIMENTS = 2_000
AHEAD = [0.02, 0.03, 0.04, 0.02, 0.03, 0.04]  # differences that leave no doubt, in fractions
UNCLEAR = [0.02, -0.01, 0.03, -0.02, 0.01, 0.0]
BARELY = [0.02, 0.03, 0.0, 0.02, 0.03, -0.005]  # significant, unless it is one of several


def found(*arms):
    """An experiment: for each arm, a test accuracy or a state for each seed."""
    return Experiment.of(
        record(
            tiny(seed=seed),
            Status.FINISHED if isinstance(said, float) else said,
            id=f"{arm}/{seed}",
            arm=arm,
            test_accuracy=said if isinstance(said, float) else None,
        )
        for arm, results in enumerate(arms)
        for seed, said in enumerate(results)
    )


def compared(*arms):
    """The comparisons of such an experiment."""
    runs = found(*arms)
    return compare(runs, scores_of(runs))


def apart(differences, *rest):
    """The comparison of two arms that differ by so much, and then have other results or states."""
    [comparison] = compared([0.5] * len(differences) + [*rest], [0.5 + d for d in differences] + [*rest])
    return comparison


def negative(differences):
    return [-d for d in differences]


def told(comparison):
    return verdict(comparison, "small", "large")


# When a winner is named


def test_a_comparison_is_the_paired_test_of_b_minus_a():
    a, b = [0.9, 0.8, 0.7, 0.85], [0.95, 0.81, 0.78, 0.84]
    [c] = compared(a, b)
    assert (c.a, c.b, c.planned, c.comparisons) == (0, 1, 4, 1)
    assert list(c.differences.values()) == pytest.approx([0.05, 0.01, 0.08, -0.01])
    assert c.test.p_value == c.p_holm == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_runs_are_paired_by_seed_and_not_by_their_order():
    experiment = found([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])
    scores = scores_of(experiment)
    assert compare(Experiment.of(experiment.runs[::-1]), scores) == compare(experiment, scores)
    [c] = compare(Experiment.of(experiment.runs[1:]), scores)
    assert c.differences == pytest.approx({1: 0.1, 2: 0.1})


@pytest.mark.parametrize(
    ("pairs", "state"), [(1, "too few"), (2, "too few"), (3, "demo"), (5, "demo"), (6, "decided"), (9, "decided")]
)
def test_below_three_pairs_there_is_no_interval_and_below_six_no_evidence(pairs, state):
    c = apart((AHEAD * 2)[:pairs])
    assert (c.state, c.test.low is None) == (state, pairs < 3)
    assert (c.winner is None) == (state != "decided")


@pytest.mark.parametrize("sign", [1, -1])
def test_the_winner_is_the_arm_that_is_ahead(sign):
    c = apart([sign * d for d in AHEAD])
    assert c.winner == (1 if sign > 0 else 0)
    assert swapped(c).winner == c.winner and swapped(swapped(c)) == c


def test_no_winner_is_named_while_the_interval_holds_zero():
    c = apart(UNCLEAR)
    assert c.holds_zero and (c.state, c.winner) == ("not decided", None)


@pytest.mark.parametrize("coming", [status for status in Status if status not in ENDED])
def test_no_winner_is_named_while_planned_pairs_are_missing(coming):
    c = apart(AHEAD, coming)
    assert not c.holds_zero
    assert (c.test.n, c.planned, c.state, c.winner) == (6, 7, "not yet", None)


@pytest.mark.parametrize("still", RESUMABLE)
def test_runs_that_stand_still_are_missing_and_still_planned(still):
    runs = found([0.5] * 7, [0.5 + d for d in AHEAD] + [still])
    a, b = arm_outcomes(runs, scores_of(runs))
    assert (a.summary.n, a.planned, a.missing) == (7, 7, 0)
    assert (b.summary.n, b.planned, b.missing) == (6, 7, 1)
    [c] = compare(runs, scores_of(runs))
    assert (c.test.n, c.planned, c.still, c.winner) == (6, 7, 1, None)
    assert verdict(c, "small", "large").endswith("; 1 pair to come, 1 of them when its runs are resumed.")


def test_a_diverged_run_counts_as_guessing_and_is_counted():
    runs = found([0.5] * 6, [0.5, 0.6, Status.DIVERGED, 0.5, Status.DIVERGED, 0.7])
    _, b = arm_outcomes(runs, scores_of(runs))
    assert (b.diverged, b.missing, b.summary.n) == (2, 0, 6)
    assert list(b.scores.values()) == [0.5, 0.6, 0.1, 0.5, 0.1, 0.7]


def test_the_score_is_the_test_accuracy_at_the_end_or_of_the_best_model():
    run = record(tiny(), test_accuracy=0.7, best_test_accuracy=0.8)
    assert (score_of(run), score_of(run, "best")) == (0.7, 0.8)
    assert score_of(record(tiny(), Status.RUNNING, test_accuracy=0.7)) is None


def test_pilots_are_left_out():
    pilot = record(tiny(seed=99), id="p", pilot=1, test_accuracy=0.9)
    experiment = found(*[[0.5] * 3] * 2)
    with_pilot = Experiment.of([pilot, *experiment.runs])
    assert compare(with_pilot, scores_of(with_pilot)) == compare(experiment, scores_of(experiment))


def test_several_arms_are_corrected_together():
    third = [0.0, 0.02, 0.025, 0.01, 0.01, 0.03]
    comparisons = compared([0.5] * 6, [0.5 + d for d in AHEAD], [0.5 + d for d in third])
    assert [(c.a, c.b) for c in comparisons] == [(0, 1), (0, 2), (1, 2)]
    first, second, last = (c.test.p_value for c in comparisons)
    assert first < last < second < 0.05
    assert [c.p_holm for c in comparisons] == pytest.approx([3 * first, second, 2 * last])


def test_a_winner_that_holm_does_not_grant_is_not_named():
    assert apart(BARELY).winner == 1
    c = compared([0.5] * 6, [0.5 + d for d in BARELY], [0.51 + d for d in UNCLEAR[::-1]])[0]
    assert not c.holds_zero and c.test.p_value < 0.05 < c.p_holm
    assert (c.state, c.winner) == ("not decided", None)


def test_conditions_are_compared_apart_and_corrected_together():
    experiment = Experiment.of(
        record(tiny(seed=seed, train_size=size), id=f"{arm}{seed}{size}", arm=arm, condition=place, test_accuracy=score)
        for place, (size, ahead) in enumerate(((20, UNCLEAR), (50, AHEAD)))
        for seed, difference in enumerate(ahead)
        for arm, score in enumerate((0.5, 0.5 + difference))
    )
    small, large = compare(experiment, scores_of(experiment))
    assert (small.condition, small.winner, large.condition, large.winner) == (0, None, 1, 1)
    assert large.p_holm == pytest.approx(2 * large.test.p_value)
    assert experiment.conditions == {0: "20 images", 1: "50 images"}


# How often it errs


def simulated(arms, effects, experiments=EXPERIMENTS, seeds=6):
    """Comparisons of many experiments whose arms truly differ by `effects`; a seed's luck is shared by its arms."""
    experiment = found(*[[0.9] * seeds] * arms)
    rng = np.random.default_rng(1)
    for _ in range(experiments):
        scores = 0.9 + rng.normal(0, 0.02, seeds) + np.array(effects)[:, None] + rng.normal(0, 0.01, (arms, seeds))
        yield compare(experiment, {run.id: float(scores[run.arm, run.config.seed]) for run in experiment.runs})


def usual(share):
    """The bounds within which a share of the experiments lies in 999 of 1,000 cases."""
    low, high = stats.binom.interval(0.999, EXPERIMENTS, share)
    return low / EXPERIMENTS, high / EXPERIMENTS


def test_without_an_effect_a_winner_is_declared_in_one_experiment_of_twenty():
    found_any = [c.winner is not None for [c] in simulated(2, [0, 0])]
    low, high = usual(0.05)
    assert low <= np.mean(found_any) <= high


@pytest.mark.parametrize("effect", [0.0, 0.01, -0.03])
def test_intervals_hold_the_true_difference_in_nineteen_experiments_of_twenty(effect):
    covered = [c.test.low <= effect <= c.test.high for [c] in simulated(2, [0, effect])]
    low, high = usual(0.95)
    assert low <= np.mean(covered) <= high


def test_among_three_equal_arms_no_more_than_one_experiment_of_twenty_names_any_winner():
    errors = [any(c.winner is not None for c in comparisons) for comparisons in simulated(3, [0, 0, 0])]
    assert 0.01 <= np.mean(errors) <= usual(0.05)[1]


def test_a_large_effect_is_found_and_its_direction_is_right():
    winners = [c.winner for [c] in simulated(2, [0, -0.03], experiments=200)]
    assert winners.count(0) > 190 and winners.count(1) == 0


# In which words


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (apart([], Status.QUEUED, Status.QUEUED), "No pair has finished yet; 2 pairs to come."),
        (
            apart([], Status.FAILED, Status.QUEUED),
            "No pair has finished yet; 2 pairs to come, 1 of them when its runs are resumed.",
        ),
        (
            apart(AHEAD[:1]),
            "large is ahead of small by 2.0 points after 1 pair: too few for an interval, which takes 3.",
        ),
        (
            apart(negative(AHEAD[:2]), Status.QUEUED),
            "small is ahead of large by 2.5 points after 2 pairs: too few for an interval, which takes 3; 1 pair to "
            "come.",
        ),
        (apart([0.0] * 2), "small and large are even after 2 pairs: too few for an interval, which takes 3."),
        (
            apart(negative(AHEAD[:4])),
            "A demo, not evidence: small is ahead of large by 2.8 points (95 % interval +1.2 to +4.3, 4 pairs). "
            "Evidence begins at 6 pairs.",
        ),
        (
            apart(AHEAD[:4], Status.RUNNING),
            "So far, large is ahead of small by 2.8 points (95 % interval +1.2 to +4.3, 4 pairs); 1 pair to come.",
        ),
        (apart(AHEAD), "large is better than small by 3.0 points (95 % interval 2.1 to 3.9, 6 pairs)."),
        (apart(negative(AHEAD)), "small is better than large by 3.0 points (95 % interval 2.1 to 3.9, 6 pairs)."),
        (
            compared([0.5] * 6, [0.5 + d for d in AHEAD], [0.51 + d for d in UNCLEAR[::-1]])[0],
            "large is better than small by 3.0 points (95 % interval 2.1 to 3.9, 6 pairs), also after correction for "
            "3 comparisons.",
        ),
        (
            compared([0.5] * 6, [0.5 + d for d in BARELY], [0.51 + d for d in UNCLEAR[::-1]])[0],
            "Not decided: large is ahead of small by 1.6 points (95 % interval +0.0 to +3.2, 6 pairs), which is not "
            "enough once 3 comparisons are counted (Holm p = 0.15).",
        ),
        (
            apart(negative(UNCLEAR)),
            "Not decided: small is ahead of large by 0.5 points (95 % interval -1.5 to +2.5, 6 pairs); about 106 more "
            "seeds would probably do.",
        ),
        (
            apart([0.0] * 6),
            "Not decided: small and large are even (95 % interval +0.0 to +0.0, 6 pairs); a difference as small as "
            "this takes more than 200 further seeds to find.",
        ),
    ],
)
def test_the_verdict_says_who_is_ahead_and_how_sure_one_may_be(comparison, sentence):
    assert told(comparison) == sentence


def test_seen_from_the_other_arm_the_verdict_is_the_same():
    for differences in (AHEAD, negative(AHEAD), UNCLEAR, AHEAD[:4], AHEAD[:1]):
        c = apart(differences)
        assert verdict(swapped(c), "large", "small") == told(c)


@given(
    st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 3)), min_size=1, max_size=12),
    st.lists(st.sampled_from([Status.QUEUED, Status.PAUSED, Status.FAILED, Status.DIVERGED]), max_size=2),
)
def test_no_verdict_names_a_winner_while_the_interval_holds_zero(differences, rest):
    c = apart(differences, *rest)
    words = told(c)
    if c.holds_zero or c.state != "decided":
        assert c.winner is None and "better" not in words
    else:
        assert c.winner is not None and "is better than" in words
    assert words[0].isupper() or words.startswith(("small", "large"))
    assert words.endswith(".") and "None" not in words and "nan" not in words
