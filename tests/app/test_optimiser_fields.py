"""The form shows the settings that the chosen optimiser reads, and none of another's."""

from dataclasses import replace

from vit_lab.training.optimisers import OPTIMISERS

OWN = {"weight_decay", "decay", "beta1", "beta2"}


def shown(at):
    assert not at.exception
    return {widget.key for widget in (*at.number_input, *at.selectbox)} & OWN


def test_adamw_shows_all_of_its_own(open_page, workers):
    assert shown(open_page()) == OWN


def test_a_setting_that_is_not_read_is_not_shown(open_page, workers, monkeypatch):
    few = replace(OPTIMISERS["adamw"], settings=("learning_rate", "weight_decay"))
    monkeypatch.setitem(OPTIMISERS, "adamw", few)
    assert shown(open_page()) == {"weight_decay"}
