"""The form shows the settings that the chosen optimiser reads, and none of another's."""

from dataclasses import replace

import pytest

from vit_lab.config import STANDARD_RATES
from vit_lab.settings import configure, flat
from vit_lab.training.optimisers import OPTIMISERS
from vit_lab.ui.train.widgets import train_link

OWN = {"momentum", "nesterov", "weight_decay", "decay", "beta1", "beta2"}
ANOTHER = {"momentum": 0.5, "nesterov": False, "weight_decay": 0.3, "decay": "all", "beta1": 0.7, "beta2": 0.9}


def shown(at):
    assert not at.exception
    return {widget.key for widget in (*at.number_input, *at.selectbox, *at.toggle)} & OWN


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_optimiser_shows_what_it_reads_and_a_run_gets_it(open_page, workers, name):
    at = open_page(optimiser=name)
    read = set(OPTIMISERS[name].settings) & OWN
    assert shown(at) == read
    for field in read:
        at.get_by_key(field).set_value(ANOTHER[field])
    at.button(key="train").click().run()
    assert not at.exception and not at.error
    configs = [run.config for run in workers.submitted[-1]]
    for config in configs:
        assert {field: flat(config)[field] for field in read} == {field: ANOTHER[field] for field in read}
        assert config.optim.optimiser == name
    again = open_page(**train_link(configs))
    assert not again.warning
    again.button(key="train").click().run()
    assert [run.config for run in workers.submitted[-1]] == configs


def test_a_setting_that_is_not_read_is_not_shown(open_page, workers, monkeypatch):
    few = replace(OPTIMISERS["adamw"], settings=("learning_rate", "weight_decay"))
    monkeypatch.setitem(OPTIMISERS, "adamw", few)
    assert shown(open_page()) == {"weight_decay"}


def choose(at, optimiser):
    return at.selectbox(key="optimiser").set_value(optimiser).run()


def rate(at):
    assert not at.exception and not at.error
    return at.number_input(key="learning_rate").value


def test_the_learning_rate_follows_the_optimiser(open_page, workers):
    at = open_page()
    for optimiser in ("sgd", "muon", "adamw", "sgd"):
        assert rate(choose(at, optimiser)) == STANDARD_RATES[optimiser]
    at.button(key="train").click().run()
    assert {run.config.optim for run in workers.submitted[-1]} == {configure(optimiser="sgd").optim}


def test_a_rate_that_a_person_has_set_stays(open_page):
    at = open_page()
    at.number_input(key="learning_rate").set_value(0.02).run()
    assert rate(choose(at, "sgd")) == rate(choose(at, "adamw")) == 0.02


def test_the_rate_of_a_preset_is_nobody_s_own(open_page):
    at = open_page(kind="timesformer")
    at.pills(key="preset").set_value("moving-digits").run()
    assert rate(at) == 0.003 and rate(choose(at, "sgd")) == STANDARD_RATES["sgd"]
    at.pills(key="preset").set_value("moving-digits").run()
    assert rate(at) == 0.003 and at.selectbox(key="optimiser").value == "adamw"


def test_another_kind_of_model_keeps_the_optimiser_with_its_rate(open_page):
    at = choose(open_page(), "sgd")
    at.segmented_control(key="kind").set_value("transformer").run()
    assert at.selectbox(key="optimiser").value == "sgd" and rate(at) == STANDARD_RATES["sgd"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"optimiser": "sgd"}, {"optimiser": "sgd"}),
        ({"optimiser": "sgd", "learning_rate": 0.004}, {"optimiser": "sgd", "learning_rate": "0.004"}),
        ({"learning_rate": 0.3}, {"learning_rate": "0.3"}),
        ({"optimiser": "muon", "learning_rate": 0.3}, {"optimiser": "muon", "learning_rate": "0.3"}),
    ],
    ids=str,
)
def test_a_link_names_the_rate_if_it_is_not_the_one_that_comes_with_the_optimiser(open_page, workers, settings, told):
    config = configure(**settings)
    link = train_link([config])
    assert {key: text for key, text in link.items() if key in ("optimiser", "learning_rate")} == told
    at = open_page(**link)
    assert rate(at) == config.optim.learning_rate and not at.warning
    at.button(key="train").click().run()
    assert [run.config for run in workers.submitted[-1]] == [config]


def test_what_is_no_optimiser_brings_the_usual_rate(open_page):
    assert rate(open_page(optimiser="adam")) == STANDARD_RATES["adamw"]
