"""The form shows the settings that the chosen optimiser reads, and none of another's."""

from dataclasses import replace

import pytest

from vit_lab.settings import flat
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
