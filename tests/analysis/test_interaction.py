"""Whether a difference depends on a condition: slopes by seed, worked by hand, against SciPy and against simulation."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from tiny import record, tiny

from vit_lab.analysis.interaction import interaction_words, interactions
from vit_lab.analysis.scores import has_learned
from vit_lab.analysis.statistics import slope, wilson
from vit_lab.analysis.summary import experiment_summary
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import Status

SIZES = (20, 50, None)  # of 7,900 images with 100 held out: None is all of them
X = [math.log10(size) for size in (20, 50, 7900)]


def experiment(seeds, arms=("linear-default", "xavier"), conditions=None):
    """An experiment of some arms under conditions, each a dict of settings; by default three training sets."""
    conditions = conditions or [{"train_size": size} for size in SIZES]
    return Experiment.of(
        record(tiny(seed=seed, scheme=scheme, **settings), id=f"{arm}/{place}/{seed}", arm=arm, condition=place)
        for arm, scheme in enumerate(arms)
        for place, settings in enumerate(conditions)
        for seed in range(seeds)
    )


def scores_of(differences):
    """Scores of arm 0 at 0.5 everywhere and of arm 1 so much above, by seed and condition."""
    rows = np.asarray(differences)
    scores = {f"0/{place}/{seed}": 0.5 for seed in range(len(rows)) for place in range(rows.shape[1])}
    return scores | {
        f"1/{place}/{seed}": 0.5 + float(value) for seed, row in enumerate(rows) for place, value in enumerate(row)
    }


def test_a_slope_is_that_of_the_line_of_least_squares():
    x, y = [0.0, 1.0, 2.5, 7.0], [0.2, 0.1, 0.5, -0.3]
    assert slope(x, y) == pytest.approx(stats.linregress(x, y).slope)


def test_slopes_are_one_number_a_seed_and_their_mean_has_a_t_interval():
    rng = np.random.default_rng(1)
    differences = rng.normal(0, 0.02, (6, 3))
    [one] = interactions(experiment(6), scores_of(differences))
    by_hand = [stats.linregress(X, row).slope for row in differences]
    assert (one.a, one.b, one.field, one.where, one.by_tenfold, one.planned) == (0, 1, "train_size", "", True, 6)
    assert list(one.slopes) == list(range(6)) and list(one.slopes.values()) == pytest.approx(by_hand)
    test = stats.ttest_1samp(by_hand, 0)
    assert (one.test.mean, one.test.p_value) == pytest.approx((np.mean(by_hand), test.pvalue))
    interval = test.confidence_interval(0.95)
    assert (one.test.low, one.test.high) == pytest.approx((interval.low, interval.high))
    assert one.p_holm == one.test.p_value, "there is one interaction"


def test_a_difference_that_grows_with_the_data_is_said_to_in_points_a_tenfold():
    differences = [[0.02 * x + luck for x in X] for luck in (0.0, 0.01, -0.01, 0.02, 0.03, 0.0)]
    differences[0][0] += 0.001
    [one] = interactions(experiment(6), scores_of(differences))
    assert one.test.mean == pytest.approx(0.02, abs=0.001) and one.state == "decided"
    told = interaction_words(one, "small", "large")
    assert told.startswith("large minus small rises by 2.0 points with each tenfold of train size (95 % interval ")
    assert told.endswith(", 6 seeds).")


def test_what_is_not_decided_and_what_is_under_way_says_so():
    flat = [[0.01, 0.02, 0.01], [0.02, 0.01, 0.02], [0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.0, 0.01], [0, 0.01, 0]]
    [one] = interactions(experiment(6), scores_of(flat))
    assert interaction_words(one, "a", "b").startswith("Not decided: b minus a ")
    [one] = interactions(experiment(5), scores_of(flat[:5]))
    assert interaction_words(one, "a", "b").startswith("A demo, not evidence: ")
    [one] = interactions(experiment(7), scores_of(flat))
    assert (one.state, one.p_holm) == ("not yet", None) and interaction_words(one, "a", "b").startswith("So far, ")
    [one] = interactions(experiment(2), scores_of(flat[:2]))
    assert interaction_words(one, "a", "b").endswith("too few seeds so far.")


def test_a_seed_without_all_of_its_conditions_has_no_slope():
    scores = scores_of(np.full((6, 3), 0.01))
    del scores["1/2/4"]
    [one] = interactions(experiment(6), scores)
    assert (list(one.slopes), one.planned, one.state) == ([0, 1, 2, 3, 5], 6, "not yet")


def test_each_setting_of_a_grid_is_looked_at_under_each_of_the_others():
    grid = [{"norm": norm, "depth": depth} for norm in ("pre", "post") for depth in (1, 2, 4)]
    found = interactions(experiment(3, ("xavier", "vit", "lecun"), grid), {})
    assert [(one.a, one.b) for one in found] == [(0, 1), (0, 2), (1, 2)] * 2, "norm is no number"
    assert {(one.field, one.where) for one in found} == {("depth", "norm pre"), ("depth", "norm post")}


def test_a_setting_that_may_be_0_is_taken_as_it_is():
    [one] = interactions(
        experiment(3, conditions=[{"label_noise": share} for share in (0.0, 0.4)]),
        scores_of([[0.0, 0.04], [0.01, 0.05], [0.0, 0.04]]),
    )
    assert (one.by_tenfold, list(one.slopes.values())) == (False, pytest.approx([0.1, 0.1, 0.1]))
    assert "for each 1 of label noise" in interaction_words(one, "a", "b")


def test_without_an_interaction_5_percent_are_found_and_intervals_cover_the_truth_in_95():
    """2,000 experiments of 6 seeds: arms differ alike under all conditions, a seed's luck is shared by its pairs."""
    rng, of_six, true = np.random.default_rng(3), experiment(6), 0.013
    found = covered = 0
    for _ in range(2_000):
        luck = rng.normal(0, 0.02, (6, 1)) + rng.normal(0, [0.03, 0.01, 0.005], (6, 3))
        [none] = interactions(of_six, scores_of(0.01 + luck))
        found += none.state == "decided"
        [some] = interactions(of_six, scores_of(0.01 + luck + true * np.asarray(X)))
        covered += some.test.low <= true <= some.test.high
    assert 0.04 <= found / 2_000 <= 0.06 and 0.94 <= covered / 2_000 <= 0.96


def test_who_trains_at_all_is_a_proportion_with_wilsons_interval():
    assert wilson(0, 0) is None
    low, high = wilson(6, 6)  # (1 - z^2 / (n + z^2)) with z = 1.96
    assert (low, high) == pytest.approx((6 / (6 + 1.959964**2), 1.0), abs=1e-6)
    for successes, n in ((0, 5), (1, 3), (7, 40), (40, 40)):
        known = stats.binomtest(successes, n).proportion_ci(method="wilson")
        assert wilson(successes, n) == pytest.approx((known.low, known.high), abs=1e-12)
    runs = [
        record(
            tiny(seed=seed, scheme=scheme),
            Status.DIVERGED if accuracy is None else Status.FINISHED,
            id=f"{arm}/{seed}",
            arm=arm,
            test_accuracy=accuracy,
        )
        for arm, (scheme, accuracies) in enumerate((("vit", (0.9, 0.19, None)), ("xavier", (0.21, 0.8, 0.7))))
        for seed, accuracy in enumerate(accuracies)
    ]
    vit, xavier = experiment_summary(Experiment.of(runs))["arms"]
    assert [vit["trained"][key] for key in ("count", "n")] == [1, 3] and xavier["trained"]["count"] == 3
    assert vit["trained"]["ci95"] == pytest.approx(list(wilson(1, 3)))


def test_settings_that_move_together_are_one():
    grid = [{"depth": depth, "norm": "post", "residual_factor": 1.0 + depth} for depth in (1, 2, 4)]
    [one] = interactions(experiment(6, conditions=grid), scores_of(np.full((6, 3), 0.01)))
    assert (one.field, one.where, one.planned) == ("depth", "", 6)


def test_seeds_that_lack_a_condition_for_good_are_not_waited_for():
    whole = experiment(8)
    lost = {"0/0/0", "1/2/1"}
    [one] = interactions(
        Experiment.of(run for run in whole.stored if run.id not in lost), scores_of(np.full((8, 3), 0.01))
    )
    assert (one.test.n, one.planned) == (6, 6) and one.p_holm is not None


def test_two_classes_are_learned_above_the_middle_between_guessing_and_being_right():
    run = record(tiny())
    assert has_learned(run, 0.21) and not has_learned(run, 0.2) and not has_learned(run, None)
    coin = SimpleNamespace(config=SimpleNamespace(model=SimpleNamespace(num_classes=2)))
    assert has_learned(coin, 0.76) and not has_learned(coin, 0.75)
