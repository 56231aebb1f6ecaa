"""An experiment as plain data: what the arms are called, what was planned, and which learning rate was used."""

import json

import pytest
from tiny import record, tiny

from vit_lab.analysis.comparison import compare
from vit_lab.analysis.scores import scores_of
from vit_lab.analysis.summary import experiment_summary
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import Status

SCHEMES = ("linear-default", "xavier")
PLANNED = {"n", "planned", "diverged", "missing"}


def runs_of(results, **settings):
    """One arm for each scheme, one seed for each pair of test accuracies; None has not ended."""
    return [
        record(
            tiny(scheme=scheme, seed=seed, **settings),
            Status.RUNNING if accuracy is None else Status.FINISHED,
            id=f"{arm}/{seed}",
            arm=arm,
            test_accuracy=accuracy,
            best_test_accuracy=None if accuracy is None else accuracy + 0.1,
        )
        for seed, accuracies in enumerate(results)
        for arm, (scheme, accuracy) in enumerate(zip(SCHEMES, accuracies, strict=True))
    ]


def test_a_summary_is_plain_and_holds_what_was_compared():
    runs = runs_of([(0.5, 0.6), (0.4, 0.6), (0.6, 0.65), (0.5, None)])
    result = experiment_summary(Experiment.of(runs))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    small, large = result["arms"]
    assert (small["label"], large["label"]) == SCHEMES == (small["arm"], large["arm"])
    assert {key: large[key] for key in PLANNED} == {"n": 3, "planned": 4, "diverged": 0, "missing": 0}
    assert large["test_accuracy"]["values"] == [0.6, 0.6, 0.65]
    assert large["best_on_validation_test_accuracy"]["mean"] == pytest.approx(large["test_accuracy"]["mean"] + 0.1)
    [pair], [c] = result["pairs"], compare(Experiment.of(runs), scores_of(Experiment.of(runs)))
    assert (pair["a"], pair["b"], pair["n"], pair["planned"], pair["seeds"]) == (*SCHEMES, 3, 4, [0, 1, 2])
    assert (pair["mean_difference"], pair["ci95"], pair["p_value"]) == (
        c.test.mean,
        [c.test.low, c.test.high],
        c.test.p_value,
    )
    assert pair["p_holm"] is None, "the fourth pair is still to come"
    assert pair["winner"] is None and pair["verdict"].startswith("So far, xavier is ahead of linear-default by ")


def test_an_experiment_without_a_result_has_a_summary_too():
    result = experiment_summary(Experiment.of(runs_of([(None, None)])))
    assert result["arms"][0]["test_accuracy"] == {"mean": None, "sd": None, "ci95": None, "values": []}
    assert (result["pairs"][0]["ci95"], result["pairs"][0]["p_value"]) == (None, None)
    assert result["pairs"][0]["verdict"] == "No pair has finished yet; 1 pair to come."


def test_a_winner_is_told_by_name():
    result = experiment_summary(Experiment.of(runs_of([(0.6 + d, 0.5) for d in (0.01, 0.0, 0.02, 0.01, 0.0, 0.02)])))
    assert result["pairs"][0]["winner"] == "linear-default"


def test_the_json_keeps_its_labels_and_people_read_theirs():
    settings = ({"variance_scale": 0.01}, {"scheme": "vit", "variance_scale": 4, "qk_scale": 2})
    scores = ([0.5] * 6, [0.52, 0.53, 0.54, 0.52, 0.53, 0.54])
    experiment = Experiment.of(
        record(tiny(seed=seed, **own), id=f"{arm}/{seed}", arm=arm, test_accuracy=score)
        for arm, own in enumerate(settings)
        for seed, score in enumerate(scores[arm])
    )
    small, large = "linear-default × 0.01", "vit × 4 (queries, keys × 2)"
    for for_json, (a, b) in ((True, ("linear-default x0.01", "vit x4 (qk x2)")), (False, (small, large))):
        result = experiment_summary(experiment, for_json=for_json)
        [pair] = result["pairs"]
        assert [arm["label"] for arm in result["arms"]] == [pair["a"], pair["b"]] == [a, b]
        assert pair["winner"] == b and pair["verdict"].startswith(f"{b} is better than {a} by ")
        assert [arm["arm"] for arm in result["arms"]] == ["linear-default:0.01,qk_scale=1", "vit:4,qk_scale=2"]


@pytest.mark.parametrize("rate", [0.0012, 0.004])
def test_the_learning_rate_is_the_one_that_the_arm_picked(rate):
    pilots = [
        record(tiny(seed=9, learning_rate=tried), id=f"p{tried}", pilot=1, val_accuracy=0.9 if tried == rate else 0.5)
        for tried in (0.0012, 0.004)
    ]
    result = experiment_summary(Experiment.of([*pilots, *runs_of([(0.5, 0.6)], learning_rate=0.002)]))
    assert result["fair_learning_rate"]
    assert [arm["learning_rate"] for arm in result["arms"]] == [rate, 0.002]
    assert [arm["n"] for arm in result["arms"]] == [1, 1], "pilots are no results"


def test_conditions_are_named_by_what_sets_them_apart():
    tasks = [{"train_size": 20}, {"train_size": None, "label_noise": 0.4}]
    runs = [
        record(tiny(**task, scheme=scheme), id=f"{arm}/{place}", arm=arm, condition=place, test_accuracy=0.5)
        for place, task in enumerate(tasks)
        for arm, scheme in enumerate(SCHEMES)
    ]
    result = experiment_summary(Experiment.of(runs))
    assert [pair["condition"] for pair in result["pairs"]] == [
        "20 images, clean labels",
        "all images, 40% noisy labels",
    ]


def test_the_learning_rate_told_is_that_of_the_condition():
    experiment = Experiment.of(
        record(tiny(seed=seed, learning_rate=rate), id=f"{place}/{seed}", condition=place, test_accuracy=0.5)
        for place, rate in enumerate((0.001, 0.004))
        for seed in (0, 1)
    )
    assert [arm["learning_rate"] for arm in experiment_summary(experiment)["arms"]] == [0.001, 0.004]
