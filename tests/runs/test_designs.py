"""Experiments from few words: what they consist of, and how a wrong word is refused."""

import pytest
from tiny import tiny

from vit_lab.axes import Grid
from vit_lab.config import InitConfig
from vit_lab.runs.designs import claim, comparison, map_of_ends, parse_task, sweep
from vit_lab.settings import ConfigError, configure

RATES = "learning_rate=0.001,0.01"


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
        (["xavier", "vit", "xavier:1"], 3, "arm: xavier:1 is given twice; arms must differ"),
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
    three = claim(tiny(), ["mnist-10k"], [20], 3, arms=["xavier", "vit", "normal"])
    assert [arm.init.scheme for arm in three.arms] == ["xavier", "vit", "normal"]
    with pytest.raises(ConfigError, match="task: choose at least one"):
        claim(tiny(), [], [20], 3)


def test_arms_may_differ_in_any_setting_and_conditions_are_a_grid():
    arms = ["xavier,norm=post,learning-rate=0.01", "vit,residual=zero,qk_scale=2"]
    plan = comparison(tiny(), arms, 2, variations=["depth=1,3", "train_size=20,all"])
    first = tiny(scheme="xavier", norm="post", learning_rate=0.01, depth=1, train_size=20)
    assert plan.config(0, 0, 0) == first
    assert plan.config(1, 3, 1) == tiny(seed=1, scheme="vit", residual="zero", qk_scale=2, depth=3, train_size=None)
    told = [(config.model.depth, config.data.train_size) for config in (plan.config(0, c, 0) for c in range(4))]
    assert told == [(1, 20), (1, None), (3, 20), (3, None)]


def test_a_sweep_and_a_claim_have_their_conditions_under_each_of_the_varied_settings():
    swept = sweep(tiny(), [1.0, 2.0], [20, 50], 1, variations=["norm=pre,post"])
    assert [(c["norm"], c["train_size"]) for c in swept.conditions] == [
        ("pre", 20),
        ("pre", 50),
        ("post", 20),
        ("post", 50),
    ]
    checked = claim(tiny(), ["mnist-10k"], [20], 1, variations=["depth=1,2"])
    assert [(c["dataset"], c["depth"]) for c in checked.conditions] == [("mnist-10k", "1"), ("mnist-10k", "2")]


@pytest.mark.parametrize(
    ("arms", "variations", "sentence"),
    [
        (["xavier,heads=3", "vit"], [], "arm: xavier,heads=3: heads: 3 does not divide dim 8; choose 1, 2, 4 or 8"),
        (["xavier,depth=1", "vit"], ["depth=1,2"], "arm: depth is set by an arm and varied for all of them"),
        (["xavier", "vit"], ["depth=1,0"], "depth: '0' does not work; it should be greater than or equal to 1"),
        (["xavier", "vit"], ["depth"], "vary: 'depth' has no values; write for example depth=a,b"),
        (["xavier", "vit"], ["depth="], "vary: 'depth=' has no values"),
        (["xavier", "vit"], ["seed=1,2"], "vary: 'seed=1,2' does not work, there is no such setting to vary"),
        (["xavier", "vit"], ["init=vit,xavier"], "vary: 'init=vit,xavier' does not work, arms say that themselves"),
        (["xavier", "vit"], ["depth=1,2", "depth=3"], "vary: depth is varied twice; give all of its values at once"),
        (["xavier", "vit"], ["depth=1,1"], "vary: two of the conditions are the same; they must differ"),
        (["xavier", "vit"], ["steps=" + ",".join(map(str, range(1, 102)))], "vary: 101 conditions are too many"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(arms, variations, sentence):
    with pytest.raises(ConfigError) as caught:
        comparison(tiny(), arms, 1, variations=variations)
    assert str(caught.value).startswith(sentence)


def test_deepnorm_brings_its_residual_factor_where_the_norm_stands_after_the_sum():
    plan = comparison(tiny(), ["xavier", "deepnorm"], 1, variations=["norm=pre,post", "depth=2,8"])
    factors = [[plan.config(arm, c, 0).model.residual_factor for c in range(4)] for arm in (0, 1)]
    assert factors == [[1, 1, 1, 1], [1, 1, pytest.approx(4**0.25, 1e-5), 2]]
    assert configure(tiny(), scheme="deepnorm", norm="post", residual_factor=1).model.residual_factor == 1
    own = configure(tiny(), residual_factor=3, scheme="deepnorm", norm="post")
    assert configure(own, depth=8).model.residual_factor == 3


def test_a_map_is_trained_in_every_third_cell_each_once():
    grid = Grid.around(tiny(seed=4, variance_scale=2), "queries-keys", "depth", is_coarse=True)
    plan = map_of_ends(grid)
    trained = [plan.config(arm, condition, 4) for condition in range(3) for arm in range(5)]
    assert trained == grid.configs and len(plan.runs("e")) == 15
    by_tokens = map_of_ends(Grid.around(tiny(), "depth", "tokens", is_coarse=True))
    assert [c["patch_size"] for c in by_tokens.conditions] == [14, 2]


@pytest.mark.parametrize(
    ("arms", "variations", "sentence"),
    [
        (
            ["xavier,learning_rate=0.001", "vit"],
            ["optimiser=adamw,sgd"],
            "arm: xavier,learning_rate=0.001 sets learning_rate, and so does what is varied; vary something else",
        ),
        (["xavier,epochs=1", "xavier,epochs=2"], ["steps=10,20"], "arm: xavier,epochs=1 sets epochs, and so does"),
        (["xavier,norm=pre,depth=1", "xavier,depth=1"], [], "arm: xavier,depth=1 is given twice"),
    ],
)
def test_no_condition_takes_what_an_arm_has_set(arms, variations, sentence):
    with pytest.raises(ConfigError) as caught:
        comparison(tiny(), arms, 1, variations=variations)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("arms", "variations"), [(["xavier,learning_rate=1", "vit"], []), (["xavier", "vit"], [RATES])]
)
def test_a_rate_that_is_picked_is_neither_set_nor_varied(arms, variations):
    with pytest.raises(ConfigError, match="learning_rate: with the fair rate each arm picks its own"):
        comparison(tiny(), arms, 1, variations=variations, fair_rate=True)
