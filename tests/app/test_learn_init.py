"""The lesson on weight initialisation: every control works, figures agree with formulas, and a guess stays a guess."""

import pytest
from controls import turned
from lessons import keep_in_store, words_of
from places import LEARN_INIT
from played import play, played

from vit_lab.analysis.findings import claim_findings, space_time_findings
from vit_lab.init.schemes import ELEMENTWISE as SCHEMES
from vit_lab.runs.designs import CLAIM_ARMS, comparison
from vit_lab.settings import configure
from vit_lab.ui.learn.init.guess import Guess, outcome_words
from vit_lab.ui.train.widgets import SCALES

FANS, FACTORS = [8, 16, 32, 64, 128, 256, 512], [3, 10, 30, 100]
CONTROLS = {
    "layer_scheme_0": SCHEMES,
    "layer_scheme_1": SCHEMES,
    "layer_scale_0": SCALES,
    "layer_scale_1": SCALES,
    "fan_in": FANS,
    "fan_out": FANS,
    "depth_scheme": SCHEMES,
    "depth_factor": FACTORS,
    "softmax_scheme": SCHEMES,
    "guess_arm": [0, 1],
    "guess_points": [0.0, 50.0],
}
LARGE_AHEAD = ":orange-badge[B] **large is ahead by"
SMALL_AHEAD = ":blue-badge[A] **small is ahead by"


def variances(at):
    """The table of variances, as numbers."""
    return at.table[0].value.replace(",", "", regex=True).astype(float)


def test_every_control_works_and_the_measured_variances_are_those_of_the_formula(open_page):
    at = open_page(LEARN_INIT)
    assert not at.exception and not at.error and len(at.get("vega_lite_chart")) == 7
    for _ in turned(at, CONTROLS):
        table = variances(at)
        assert len(table) == 2
        assert (table["σ² drawn"] / table["σ² by the formula"] - 1).abs().max() < 0.6, (
            "the smallest matrix has 64 weights"
        )
        assert (table["output variance, measured"] / table["fan_in · σ²"] - 1).abs().max() < 0.6


def test_large_matrices_lie_close_to_the_formula(open_page):
    at = open_page(LEARN_INIT)
    at.select_slider(key="fan_in").set_value(512).run()
    at.select_slider(key="fan_out").set_value(512).run()
    table = variances(at)
    assert (table["σ² drawn"] / table["σ² by the formula"] - 1).abs().max() < 0.02
    assert (table["output variance, measured"] / table["fan_in · σ²"] - 1).abs().max() < 0.02
    assert table["fan_in · σ²"].round(3).tolist() == [0.333, 1.0], "linear-default and xavier"


def test_it_says_where_the_softmax_saturates_and_what_the_lab_found(open_page):
    text = words_of(open_page(LEARN_INIT))
    assert "With `xavier` the mean entropy is below 0.4" in text
    assert "did **not** see the claim borne out. 2 differences are decided" in text
    assert "xavier is better on fashion-mnist, all; linear-default is better on mnist, 1,000, noisy" in text


def test_a_guess_comes_before_the_run_and_is_locked_by_it(open_page, workers, store):
    keep_in_store(workers, store)
    at = open_page(LEARN_INIT)
    assert at.button(key="guess_commit").disabled and not [b for b in at.button if b.key == "guess_train"]
    at.segmented_control(key="guess_arm").set_value(1).run()
    at.number_input(key="guess_points").set_value(2.5).run()
    at.button(key="guess_commit").click().run()
    assert ":material/lock: Your guess: :orange-badge[B] **xavier** ahead by **2.5 points**." in words_of(at)
    assert not workers.submitted and not [w for w in at.segmented_control if w.key == "guess_arm"]
    at.button(key="guess_train").click().run()
    assert not at.exception and not at.error
    [[small, large]] = workers.submitted
    assert small.config == configure(train_size=1_000, steps=200) and large.config == configure(
        train_size=1_000, steps=200, scheme="xavier"
    )
    for _ in range(2):
        at.run()
        assert not {"guess_again", "guess_train"} & {button.key for button in at.button}, "it is locked"
        assert "ahead by **2.5 points**" in words_of(at) and "badge[queued]" in words_of(at)
    for run, accuracy in zip(reversed(store.runs()), (0.90, 0.87), strict=True):
        play(store, run.id, accuracy)
    at.run()
    assert not at.exception
    assert (
        "#### :blue-badge[A] **linear-default is ahead by 3.0 points**: the other way round than guessed."
        in words_of(at)
    )
    assert "One pair is a demonstration, not evidence" in at.warning[0].value and "-2.0 points" in at.warning[0].value
    link = {key: value[0] if isinstance(value, list) else value for key, value in at.query_params.items()}
    again = open_page(LEARN_INIT, **link)
    assert "ahead by **2.5 points**" in words_of(again) and "the other way round" in words_of(again), (
        "it survives a reload"
    )
    at.button(key="guess_again").click().run()
    assert "guess_commit" in [button.key for button in at.button] and not at.warning
    assert "another draw, **seed 1**" in words_of(at), "the outcome of seed 0 is known"
    at.segmented_control(key="guess_arm").set_value(0).run()
    at.button(key="guess_commit").click().run()
    at.button(key="guess_train").click().run()
    assert [run.config.seed for run in workers.submitted[-1]] == [1, 1] and "1" in at.query_params["guess_seed"]


@pytest.mark.parametrize("seed", ["", "-1", "x", "1e3", "99999999999999999999", "²"])
def test_a_link_with_no_seed_begins_with_the_first(open_page, seed):
    at = open_page(LEARN_INIT, guess="A1", guess_seed=seed)
    assert not at.exception and "guess_train" in [button.key for button in at.button]


@pytest.mark.parametrize("guess", ["", "A", "B-1", "B999", "C1", "Bnan", "<b>", "A1e9"])
def test_a_link_with_no_guess_asks_for_one(open_page, guess):
    at = open_page(LEARN_INIT, guess=guess, guessed="<script>")
    assert not at.exception and "guess_commit" in [button.key for button in at.button]


@pytest.mark.parametrize("points", [200.0, -1.0])
def test_a_guess_that_cannot_be_is_refused_and_not_mended(open_page, points):
    at = open_page(LEARN_INIT)
    at.segmented_control(key="guess_arm").set_value(1)
    at.number_input(key="guess_points").set_value(points).run()
    assert at.button(key="guess_commit").disabled
    assert [error.value for error in at.error] == [f"By about: {points:g} points cannot be a guess; choose 0 to 50."]


def test_the_answer_stays_closed_until_a_guess_is_committed(open_page):
    folds = [open_page(LEARN_INIT, **query).expander[-1].proto for query in ({}, {"guess": "A1"})]
    assert [fold.expanded for fold in folds] == [False, True]
    assert all(fold.label.startswith("What this lab found") for fold in folds)


def test_the_experiment_of_a_link_counts_only_if_it_is_of_this_pair(open_page):
    experiment = played(comparison(configure(steps=10), CLAIM_ARMS, 1), {(0, 0, 0): 0.9, (1, 0, 0): 0.8})
    at = open_page(LEARN_INIT, guess="A1", guessed=experiment)
    assert not at.exception and "ahead by **1 point**" in words_of(at)
    assert "guess_train" in [button.key for button in at.button] and "is ahead by" not in words_of(at)


def test_what_is_said_of_the_signal_follows_the_scheme(open_page):
    at = open_page(LEARN_INIT)
    at.selectbox(key="depth_scheme").set_value("normal").run()
    told = words_of(at).split("With `normal` ten blocks multiply the signal by ")[1]
    assert float(told.split()[0]) > 5, "variance 0.1 at width 64 is no small one"
    at.selectbox(key="depth_scheme").set_value("vit").run()
    told = words_of(at).split("With `vit` ten blocks multiply the signal by ")[1]
    assert float(told.split()[0]) < 1.01


def test_a_pair_without_a_result_says_so(open_page, workers, store):
    keep_in_store(workers, store)
    at = open_page(LEARN_INIT, guess="A1")
    at.button(key="guess_train").click().run()
    for run in store.runs():
        play(store, run.id, None)
    at.run()
    assert not at.exception and "The pair has no result" in words_of(at)


@pytest.mark.parametrize(
    ("guess", "difference", "said"),
    [
        (Guess(1, 2.0), 3.0, f"{LARGE_AHEAD} 3.0 points**: the right twin, and 1.0 points from the guess."),
        (Guess(0, 2.0), -2.0, f"{SMALL_AHEAD} 2.0 points**: the right twin, and 0.0 points from the guess."),
        (Guess(0, 2.0), 0.5, f"{LARGE_AHEAD} 0.5 points**: the other way round than guessed."),
        (Guess(0, 2.0), 0.01, "They are even, to a tenth of a point; the guess was 2 points."),
    ],
)
def test_a_guess_beside_its_outcome(guess, difference, said):
    assert outcome_words(guess, ["small", "large"], difference) == said
    assert Guess.read(str(guess)) == guess


def test_the_findings_are_those_of_the_document(tmp_path):
    """Against the table of docs/findings/001-the-claim.md."""
    found = claim_findings()
    assert len(found) == 9 and all(c.test.n == 6 for c in found.values())
    told = found["mnist, 1,000, noisy"]
    assert [round(100 * x, 2) for x in (told.test.mean, told.test.low, told.test.high)] == [-2.91, -4.18, -1.64]
    assert round(told.p_holm, 3) == 0.018 and told.winner == 0
    assert found["fashion-mnist, all"].winner == 1
    assert [c.state for c in found.values()].count("decided") == 2
    assert claim_findings(tmp_path / "none.csv") == {} and space_time_findings(tmp_path / "none.csv") is None
