"""The pages Arch and Claim: a whole family of comparisons on one screen."""

import math

import pytest
from controls import chart_rows
from places import CLAIM, SWEEP
from played import played
from tiny import tiny

from vit_lab.runs.designs import claim, sweep

SEEDS = range(6)


def swept():
    """Three scales at two sizes; the middle one is best."""
    heights = [0.5, 0.9, 0.6]
    results = {
        (arm, condition, seed): heights[arm] + seed / 100
        for arm in range(3)
        for condition in range(2)
        for seed in range(3)
    }
    return played(sweep(tiny(), [0.1, 1.0, 10.0], [20, 50], 3), results)


def checked():
    """xavier helps on noisy labels, by 5 points on 50 images; on clean ones nothing differs much."""
    plan = claim(tiny(), ["mnist-10k", "mnist-10k:0.4"], [20, 50], 6)
    noise = [0.00, 0.01, -0.01, 0.02, -0.02, 0.005]
    results = {}
    for condition in range(4):
        for seed in SEEDS:
            results[0, condition, seed] = 0.8
            results[1, condition, seed] = 0.8 + noise[seed] + (0.05 if condition == 3 else 0.0)
    return played(plan, results)


@pytest.mark.parametrize("page", [SWEEP, CLAIM])
def test_without_an_experiment_the_form_is_open(open_page, page):
    at = open_page(page)
    assert not at.exception
    assert [button.label for button in at.button if button.key.endswith("_launch")] == ["Train all"]


def test_the_best_scale_of_each_size_is_said(open_page):
    at = open_page(SWEEP, experiment=swept())
    assert not at.exception
    words = next(text.value for text in at.markdown if text.value.startswith("Highest mean"))
    assert words.startswith("Highest mean: 20 images: × 1 (91.0%); 50 images: × 1 (91.0%).")


def test_training_sets_at_one_variance_are_drawn_beside_one_another_around_it(open_page):
    rows = chart_rows(open_page(SWEEP, experiment=swept()), "Test accuracy by variance scale")
    means = rows[rows["kind"] == "mean"]
    assert means["place"].nunique() == 6, "three scales, two sizes"
    for scale, places in means.groupby("scale")["place"]:
        assert math.prod(places) == pytest.approx(scale**2)


def test_a_sweep_is_launched_over_its_range(open_page, workers):
    at = open_page(SWEEP)
    at.multiselect(key="sweep_sizes").set_value(["200"]).run()
    at.number_input(key="sweep_seeds").set_value(1).run()
    at.button(key="sweep_launch").click().run()
    assert not at.exception
    scales = [run.config.init.variance_scale for run in workers.submitted[-1]]
    assert scales == [0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0]


def test_a_check_counts_its_verdicts_and_shows_the_grid(open_page):
    at = open_page(CLAIM, experiment=checked())
    assert not at.exception
    assert any(
        text.value == "#### xavier wins 1 (50 images, 40% noisy labels), linear-default wins 0, 3 not decided"
        for text in at.markdown
    )
    grid = at.dataframe[0].value
    assert list(grid.columns) == ["20 images", "50 images"]
    assert list(grid.index) == ["mnist-10k", "mnist-10k, 40% noisy labels"]
    assert grid.loc["mnist-10k, 40% noisy labels", "50 images"].endswith(" decided, n 6")
    assert "not decided" in grid.loc["mnist-10k", "20 images"]


def test_a_check_says_what_it_costs_and_starts(open_page, workers, monkeypatch):
    monkeypatch.setattr("vit_lab.ui.experiments.cost.seconds_per_run", lambda config: 12.0)
    at = open_page(CLAIM)
    assert "108 runs, about 7 min on 3 cores" in [caption.value for caption in at.caption], (
        "as many as there are workers"
    )
    at.button(key="claim_launch").click().run()
    assert not at.exception
    assert len(workers.submitted[-1]) == 2 * 3 * 3 * 6
