"""An init has one spelling for people, one for a shell, and the one that the JSON of a command has always had."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny

from vit_lab.config import SCHEMES, DataConfig, InitConfig
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import (
    arm_label,
    arm_spec,
    json_label,
    option_name,
    parse_arm,
    parse_task,
    percent,
    setting_words,
    size_words,
    task_spec,
    task_words,
    written_out,
)


@pytest.mark.parametrize(
    ("settings", "people", "json"),
    [
        ({}, "linear-default", "linear-default"),
        ({"scheme": "xavier", "variance_scale": 3}, "xavier × 3", "xavier x3"),
        ({"scheme": "normal", "variance_scale": 0.01}, "normal × 0.01", "normal x0.01"),
        ({"variance_scale": 5e-05}, "linear-default × 0.00005", "linear-default x5e-05"),
        ({"scheme": "vit", "variance_scale": 4, "qk_scale": 2}, "vit × 4 (queries, keys × 2)", "vit x4 (qk x2)"),
        ({"biases": "scheme"}, "linear-default (biases too)", "linear-default (biases too)"),
        (
            {"embed_scale": 0.5, "head_scale": 1e3},
            "linear-default (embedding × 0.5; classifier × 1,000)",
            "linear-default (embed x0.5, head x1000)",
        ),
    ],
)
def test_an_init_is_spelled_for_people_and_for_scripts(settings, people, json):
    init = tiny(**settings).init
    assert (arm_label(init), json_label(init)) == (people, json)


@given(st.floats(1e-6, 1e6).map(lambda x: float(f"{x:.6g}")), st.floats(1e-6, 1e6).map(lambda x: float(f"{x:.6g}")))
def test_scales_that_differ_are_told_apart(one, other):
    labels = {arm_label(InitConfig(variance_scale=scale)) for scale in (one, other)}
    assert len(labels) == len({one, other})


@pytest.mark.parametrize("spec", [*SCHEMES, "normal:0.05", "xavier:3"])
def test_an_arm_is_spelled_and_read_alike(spec):
    assert arm_spec(configure(**parse_arm(spec)).init) == spec


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            "gauss",
            "arm: there is no scheme 'gauss'; choose linear-default, xavier, kaiming",
        ),
        ("xavier:much", "arm: 'much' is not a number; write for example xavier:0.5"),
        ("xavier:", "arm: '' is not a number; write for example xavier:0.5"),
        ("xavier:-1", "arm: xavier:-1: -1.0 does not work; it should be greater than 0"),
        ("xavier:nan", "arm: xavier:nan: nan does not work; it should be a finite number"),
        ("", "arm: there is no scheme ''"),
    ],
)
def test_a_wrong_arm_is_refused_by_name(spec, sentence):
    with pytest.raises(ConfigError) as caught:
        parse_arm(spec)
    assert str(caught.value).startswith(sentence)


def test_an_amount_of_data_is_told_in_what_it_consists_of():
    assert size_words(DataConfig(train_size=1_000)) == "1,000 images"
    assert size_words(DataConfig(dataset="moving-digits")) == "all clips"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.000052, "0.000052"),
        (5.2083e-05, "0.000052"),
        (0.0004, "0.0004"),
        (0.010417, "0.0104"),
        (1 / 3, "0.333"),
        (0.9996, "1"),
        (1.0, "1"),
        (1.5, "1.5"),
        (30.0, "30"),
        (123.4, "123"),
        (1000.0, "1,000"),
        (1234567.0, "1,234,567"),
        (0.0, "0"),
        (-0.25, "-0.25"),
        (1e-30, "1e-30"),
        (math.inf, "inf"),
        (math.nan, "–"),
    ],
)
def test_a_variance_is_written_without_powers_of_ten(value, words):
    assert written_out(value) == words


def test_a_table_may_ask_for_more_digits():
    assert [written_out(value, 4) for value in (5.2083e-05, 1 / 3, 0.25)] == ["0.00005208", "0.3333", "0.25"]


@given(st.floats(1e-12, 1e12))
def test_what_is_written_is_the_value_to_its_digits(value):
    words = written_out(value)
    assert "e" not in words and not words.endswith(".") and not ("." in words and words.endswith("0"))
    assert float(words.replace(",", "")) == pytest.approx(value, rel=0.051 if value < 1e-3 else 0.0051)


def test_what_no_formula_promises_is_a_dash():
    assert written_out(math.nan) == written_out(math.nan, 4) == "–"


def test_a_task_is_spelled_for_people_and_for_a_shell():
    clean, noisy = DataConfig(dataset="mnist"), DataConfig(dataset="mnist", label_noise=0.4)
    assert (task_words(clean), task_words(noisy)) == ("mnist", "mnist, 40% noisy labels")
    assert (task_spec(clean), task_spec(noisy)) == ("mnist", "mnist:0.4")
    for data in (clean, noisy):
        assert DataConfig(**parse_task(task_spec(data))) == data


def test_a_setting_and_an_accuracy_are_spelled():
    assert (setting_words("patch_size"), option_name("patch_size"), option_name("scheme")) == (
        "patch size",
        "patch-size",
        "init",
    )
    assert (percent(0.8126), percent(None)) == ("81.3%", "–")
