"""Experiments from few words: what they consist of, and how a wrong word is refused."""

import pytest
from tiny import tiny

from vit_lab.config import InitConfig
from vit_lab.runs.designs import claim, comparison, parse_task, sweep
from vit_lab.settings import ConfigError


def test_a_task_is_a_data_set_and_its_noise():
    assert parse_task("mnist-10k:0.4") == {"dataset": "mnist-10k", "label_noise": 0.4}
    assert parse_task("mnist") == {"dataset": "mnist", "label_noise": 0.0}
    for spec, words in (("cifar", "there is no data set 'cifar'"), ("mnist:x", "'x' is not a share")):
        with pytest.raises(ConfigError, match=words):
            parse_task(spec)


def test_a_comparison_keeps_everything_of_its_base_but_the_init():
    base = tiny(seed=5, qk_scale=2.0)
    plan = comparison(base, ["linear-default", "xavier:3"], 2, fair_rate=True)
    assert (plan.kind, plan.fair_rate, plan.seeds) == ("compare", True, (5, 6))
    assert [arm.init for arm in plan.arms] == [
        InitConfig(qk_scale=2.0),
        InitConfig(scheme="xavier", variance_scale=3.0, qk_scale=2.0),
    ]
    assert plan.config(1, 0, 6) == tiny(seed=6, qk_scale=2.0, scheme="xavier", variance_scale=3.0)


@pytest.mark.parametrize(
    ("arms", "seeds", "sentence"),
    [
        (["xavier"], 3, "arm: 1 of them cannot be compared; choose 2 to 6"),
        (["xavier"] * 7, 3, "arm: 7 of them cannot be compared; choose 2 to 6"),
        (["xavier", "vit", "xavier:1"], 3, "arm: xavier is given twice; arms must differ"),
        (["xavier", "vit"], 0, "seeds: 0 does not work; choose 1 to 100"),
        (["xavier", "vit"], 101, "seeds: 101 does not work; choose 1 to 100"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(arms, seeds, sentence):
    with pytest.raises(ConfigError) as caught:
        comparison(tiny(), arms, seeds)
    assert str(caught.value) == sentence


def test_a_sweep_has_an_arm_for_each_scale_and_a_condition_for_each_size():
    plan = sweep(tiny(scheme="xavier"), [3.0, 0.5], [20, None], 2)
    assert plan.kind == "sweep" and [arm.init.variance_scale for arm in plan.arms] == [0.5, 3.0]
    assert plan.config(0, 0, 1) == tiny(scheme="xavier", variance_scale=0.5, train_size=20, seed=1)
    assert plan.config(1, 1, 1).data.train_size is None
    assert sweep(tiny(), [1.0, 2.0], [], 1).config(0, 0, 0).data.train_size == 50
    for scales in ([1.0], [1.0, 1.0, 2.0]):
        with pytest.raises(ConfigError, match="scale: a sweep takes at least two different variance scales"):
            sweep(tiny(), scales, [None], 2)


def test_the_claim_has_a_condition_for_each_task_and_size():
    plan = claim(tiny(), ["mnist-10k", "mnist-10k:0.4"], [20, 50], 3)
    assert plan.kind == "claim" and [arm.init.scheme for arm in plan.arms] == ["linear-default", "xavier"]
    told = [(config.data.label_noise, config.data.train_size) for config in (plan.config(0, c, 0) for c in range(4))]
    assert told == [(0.0, 20), (0.0, 50), (0.4, 20), (0.4, 50)]
    with pytest.raises(ConfigError, match="arm: the claim is about two inits, not 3"):
        claim(tiny(), ["mnist-10k"], [20], 3, arms=["xavier", "vit", "normal"])
    with pytest.raises(ConfigError, match="task: choose at least one"):
        claim(tiny(), [], [20], 3)
