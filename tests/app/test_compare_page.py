"""The page Compare: the verdict of an experiment, what it rests on, and what may be added to it."""

from itertools import product

import pytest
from places import COMPARE
from played import played
from tiny import tiny

from vit_lab import paths
from vit_lab.runs.designs import comparison
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.store import Store
from vit_lab.ui.serving import lab

SMALL = [0.80, 0.82, 0.81, 0.83, 0.80, 0.82]
LARGE = [0.85, 0.86, 0.87, 0.86, 0.85, 0.88]


def experiment(arms=("linear-default", "xavier"), seeds=6, ended=6, diverged=()):
    """Two arms, or three of which the third is like the first, with the first `ended` pairs finished."""
    scores = [SMALL, LARGE, SMALL]
    pairs = product(range(len(arms)), range(ended))
    results = {(arm, 0, seed): None if (arm, seed) in diverged else scores[arm][seed] for arm, seed in pairs}
    return played(comparison(tiny(), list(arms), seeds), results)


def verdicts(at):
    """The sentences of the verdict cards."""
    return [text.value.removeprefix("#### ") for text in at.markdown if text.value.startswith("#### ")]


def arm_table(at):
    return next(table.value for table in at.dataframe if "vs baseline, points" in table.value)


@pytest.mark.parametrize("score", ["test, last step", "test, best on validation", "validation, at a step"])
def test_runs_without_validation_are_judged_by_their_test_alone(open_page, score):
    base = tiny(validation_size=0)
    results = {(arm, 0, seed): scores[seed] for arm, scores in enumerate((SMALL, LARGE)) for seed in range(6)}
    page = open_page(COMPARE, experiment=played(comparison(base, ["linear-default", "xavier"], 6), results))
    at = page.selectbox(key="score").set_value(score).run()
    assert not at.exception and not at.error
    table = arm_table(at)
    assert list(table["Steps to 90%"]) == ["–", "–"], "nobody has looked, so it is not 'never'"
    if score == "test, last step":
        assert list(table["Mean"]) == ["81.3%", "86.2%"]
    if score == "validation, at a step":
        assert list(table["Mean"]) == ["–", "–"]


def test_without_an_experiment_the_form_is_open(open_page):
    at = open_page(COMPARE)
    assert not at.exception
    assert at.info[0].value.startswith("No comparison yet.")
    assert at.button(key="compare_launch")


def test_a_decided_comparison_is_told_in_a_sentence(open_page):
    at = open_page(COMPARE, experiment=experiment())
    assert not at.exception
    assert verdicts(at) == ["xavier is better than linear-default by 4.8 points (95 % interval 3.6 to 6.1, 6 pairs)."]
    table = arm_table(at)
    assert list(table["Mean"]) == ["81.3%", "86.2%"]
    assert list(table["vs baseline, points"]) == ["–", "+4.8 *"]
    assert list(table["n"]) == ["6 of 6", "6 of 6"]


@pytest.mark.parametrize(
    ("seeds", "ended", "beginning"),
    [
        (6, 0, "No pair has finished yet; 6 pairs to come"),
        (6, 2, "xavier is ahead of linear-default by 4.5 points after 2 pairs: too few for an interval"),
        (6, 4, "So far, xavier is ahead of linear-default by 4.5 points (95 % interval"),
        (4, 4, "A demo, not evidence: xavier is ahead"),
    ],
)
def test_the_verdict_tightens_seed_by_seed_and_names_no_winner_early(open_page, seeds, ended, beginning):
    at = open_page(COMPARE, experiment=experiment(seeds=seeds, ended=ended))
    assert not at.exception
    [sentence] = verdicts(at)
    assert sentence.startswith(beginning), sentence
    assert "is better" not in sentence


def test_the_baseline_turns_the_differences_around(open_page):
    at = open_page(COMPARE, experiment=experiment())
    at.selectbox(key="baseline-played").set_value(1).run()
    assert list(arm_table(at)["vs baseline, points"]) == ["-4.8 *", "–"]
    assert verdicts(at) == ["xavier is better than linear-default by 4.8 points (95 % interval 3.6 to 6.1, 6 pairs)."]


def test_every_arm_is_compared_with_the_baseline(open_page):
    at = open_page(COMPARE, experiment=experiment(arms=("linear-default", "xavier", "kaiming")))
    assert len(verdicts(at)) == 2
    assert verdicts(at)[0].endswith("also after correction for 3 comparisons.")
    assert verdicts(at)[1].startswith("Not decided: linear-default and kaiming are even")


def test_a_diverged_run_counts_as_guessing_and_is_counted(open_page):
    at = open_page(COMPARE, experiment=experiment(diverged={(1, 2)}))
    assert not at.exception
    table = arm_table(at)
    assert list(table["Diverged"]) == ["0", "1"]
    assert table["Mean"][1] == f"{(sum(LARGE) - LARGE[2] + 0.1) / 6:.1%}"
    assert any("counts with the accuracy of guessing" in caption.value for caption in at.caption)


@pytest.mark.parametrize(("score", "mean"), [("test, best on validation", "71.3%"), ("validation, at a step", "81.3%")])
def test_another_score_changes_the_numbers(open_page, score, mean):
    at = open_page(COMPARE, experiment=experiment())
    at.selectbox(key="score").set_value(score).run()
    assert not at.exception
    assert arm_table(at)["Mean"][0] == mean
    assert verdicts(at)[0].startswith("Chosen after the fact, so no verdict: xavier is ahead")


def test_validation_can_be_looked_at_at_an_earlier_step(open_page):
    at = open_page(COMPARE, experiment=experiment())
    at.selectbox(key="score").set_value("validation, at a step").run()
    at.select_slider(key="at_step").set_value(5).run()
    assert arm_table(at)["Mean"][0] == f"{sum(SMALL) / 12:.1%}"


def test_hiding_and_smoothing_change_no_number(open_page):
    at = open_page(COMPARE, experiment=experiment())
    before = arm_table(at)
    at.multiselect(key="hidden").set_value([0, 1]).run()
    at.slider(key="smoothing").set_value(5).run()
    at.toggle(key="log").set_value(True).run()
    at.toggle(key="by_time").set_value(True).run()
    assert not at.exception
    assert arm_table(at).equals(before)
    assert any("Smoothed over 5 points, for display only." in caption.value for caption in at.caption)


@pytest.mark.parametrize("measure", ["validation loss", "training loss"])
def test_every_curve_can_be_drawn(open_page, measure):
    at = open_page(COMPARE, experiment=experiment())
    at.selectbox(key="measure").set_value(measure).run()
    at.selectbox(key="band").set_value("± 1 standard deviation").run()
    assert not at.exception


def test_the_settings_in_which_arms_differ_are_shown_and_no_others(open_page):
    at = open_page(COMPARE, experiment=experiment())
    table = next(table.value for table in at.dataframe if "Setting" in table.value)
    assert table.values.tolist() == [["scheme", "linear-default", "xavier"]]


def test_more_seeds_are_queued_for_every_arm_and_remembered(open_page, monkeypatch):
    monkeypatch.setattr("vit_lab.runs.executors.pool.WorkerPool.call", lambda self: None)
    at = open_page(COMPARE, experiment=experiment())
    at.number_input(key="seeds_to_add").set_value(2).run()
    at.button(key="add_seeds").click().run()
    assert not at.exception
    added = sorted(Experiment.read(lab._store(), "played").active, key=lambda run: run.number)
    assert [(run.config.seed, run.arm) for run in added] == [*product((6, 7), (0, 1))]
    assert any("Seeds were added" in caption.value for caption in at.caption)


def test_another_arm_joins_all_seeds(open_page, workers):
    at = open_page(COMPARE, experiment=experiment())
    at.text_input(key="arm_to_add").set_value("kaiming:2").run()
    at.button(key="add_arm").click().run()
    added = workers.submitted[-1]
    assert [run.config.seed for run in added] == list(range(6))
    assert {(run.arm, run.config.init.scheme, run.config.init.variance_scale) for run in added} == {(2, "kaiming", 2.0)}


@pytest.mark.parametrize("spec", ["xavier", "nonsense", "normal:-1"])
def test_an_arm_that_cannot_join_is_refused_in_a_sentence(open_page, workers, spec):
    at = open_page(COMPARE, experiment=experiment())
    at.text_input(key="arm_to_add").set_value(spec).run()
    at.button(key="add_arm").click().run()
    assert not at.exception and len(at.error) == 1 and not workers.submitted


def test_a_launch_queues_all_pairs_and_opens_them(open_page, workers):
    at = open_page(COMPARE)
    at.number_input(key="compare_seeds").set_value(3).run()
    at.button(key="compare_launch").click().run()
    assert not at.exception
    assert [(run.config.seed, run.config.init.scheme) for run in workers.submitted[-1]] == [
        (seed, scheme) for seed in range(3) for scheme in ("linear-default", "xavier")
    ]


def test_a_fair_launch_tries_the_rates_first(open_page, workers):
    at = open_page(COMPARE)
    at.toggle(key="compare_fair").set_value(True).run()
    at.button(key="compare_launch").click().run()
    pilots = [run for run in workers.submitted[-1] if run.pilot]
    assert len(pilots) == 8 and len({run.config.optim.learning_rate for run in pilots}) == 4
    assert all(run.status == "waiting" for run in workers.submitted[-1] if not run.pilot)


def test_data_that_is_not_here_cannot_be_launched(open_page, workers):
    at = open_page(COMPARE)
    at.selectbox(key="compare_preset").set_value("accurate").run()
    assert at.warning[0].value == "mnist is not on this machine; the page Train downloads it."
    assert not [button for button in at.button if button.key == "compare_launch"]


def test_a_run_without_a_result_can_go_on_or_start_over(open_page, workers):
    store_id = experiment(ended=5)
    store = Store(paths.database())  # the other process is gone, so the sixth pair is interrupted
    broken = [run.id for run in store.runs(experiment=store_id) if run.status == "interrupted"]
    store.close()
    assert len(broken) == 2
    at = open_page(COMPARE, experiment=store_id)
    at.button(key=f"resume-{broken[0]}").click().run()
    assert workers.asked == [("resume", broken[0])]


def test_an_experiment_that_is_deleted_meanwhile_is_said_to_be(open_page):
    at = open_page(COMPARE, experiment=experiment())
    store = Store(paths.database())
    store.delete([run.id for run in store.runs()])
    store.close()
    at.run()
    assert not at.exception
    assert any(words.value.startswith(("This experiment has been deleted", "No comparison yet")) for words in at.info)


def test_a_link_to_nothing_says_so(open_page):
    experiment()
    at = open_page(COMPARE, experiment="nonsense")
    assert not at.exception
    assert at.warning[0].value.startswith("The experiment of this link is not here")


# Conditions, rates, other views


def under_conditions(fair=False):
    """Two arms under two norms and two depths; the second arm is ahead the more, the deeper the model is."""
    plan = comparison(
        tiny(), ["linear-default", "xavier"], 6, variations=["norm=pre,none", "depth=1,3"], fair_rate=fair
    )
    results = {
        (arm, condition, seed): None if (arm, condition) == (0, 3) else SMALL[seed] + 0.02 * arm * (condition % 2)
        for arm, condition, seed in product((0, 1), range(4), range(6))
    }
    return played(plan, results)


def test_every_condition_stands_in_the_grid_and_one_is_looked_at(open_page):
    at = open_page(COMPARE, experiment=under_conditions())
    assert not at.exception
    grid = next(table.value for table in at.dataframe if "B  xavier" in table.value and "Setting" not in table.value)
    assert list(grid.index) == ["depth 1, norm pre", "depth 3, norm pre", "depth 1, norm none", "depth 3, norm none"]
    assert grid["A  linear-default"].iloc[0].startswith("81.3% ± ")
    assert grid["A  linear-default"].iloc[3].endswith("0 of 6 learned")
    assert at.selectbox(key="over").options == ["depth"] and at.selectbox(key="over_where").options == [
        "norm pre",
        "norm none",
    ]
    assert any("xavier minus linear-default rises by " in text.value for text in at.markdown)
    assert len(verdicts(at)) == 1 and "even" in verdicts(at)[0]
    at = at.selectbox(key="condition-played").set_value(3).run()
    assert verdicts(at)[0].startswith("xavier is better than linear-default by ")
    assert list(arm_table(at)["Diverged"]) == ["6", "0"]


def test_how_the_rates_were_picked_is_shown(open_page):
    experiment = under_conditions(fair=True)
    store = Store(paths.database())
    for run in store.runs(experiment=experiment):
        if run.pilot:
            store._set(run.id, status="finished", val_accuracy=0.5 + run.config.optim.learning_rate)
    store.close()
    at = open_page(COMPARE, experiment=experiment)
    assert not at.exception
    pilots = next(table.value for table in at.dataframe if "Picked" in table.value)
    assert len(pilots) == 8 and pilots["Picked"].iloc[0] == "0.012, edge of the grid"
    assert list(pilots.columns)[2:-1] == ["rate 0.0004", "rate 0.0012", "rate 0.004", "rate 0.012"]
    assert pilots["rate 0.012"].iloc[0] == "→ 51.2%"


def test_a_title_tells_settings_that_are_not_the_presets(open_page):
    store = Store(paths.database())
    for name, base in (("e", tiny(train_size=20)), ("f", tiny(train_size=20, depth=1))):
        store.add(comparison(base, ["xavier", "vit"], 2).runs(name))
    store.close()
    titles = open_page(COMPARE).selectbox(key="compare_experiment").options
    assert "depth 1" in titles[0] and "depth 2" in titles[1] and "20 images" in titles[0]


@pytest.mark.parametrize(
    ("arms", "views"),
    [(("linear-default", "xavier"), ["claim"]), (("xavier", "xavier:3"), ["sweep", "claim"])],
)
def test_an_experiment_can_be_seen_on_the_other_pages_that_can_show_it(open_page, arms, views):
    own = experiment(arms=arms)
    at = open_page(COMPARE, experiment=own)
    links = [link.proto.page for link in at.get("page_link") if "See it as" in link.proto.label]
    assert links == views
    for page in views:
        seen = open_page(f"pages/{page}.py", experiment=own)
        assert not seen.exception and not seen.warning


def test_a_new_comparison_starts_from_what_train_holds(open_page):
    at = open_page(COMPARE)
    at.session_state["train_form"] = [tiny(scheme="lecun"), tiny(scheme="gpt2", qk_scale=2)]
    at = at.run().selectbox(key="compare_preset").set_value("the form of Train").run()
    assert not at.exception
    assert at.multiselect(key="compare_arms").value == ["lecun,qk_scale=1", "gpt2,qk_scale=2"]
