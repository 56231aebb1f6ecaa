"""What is drawn again and again: when it ticks, when it stops, and what it tells beside what is drawn."""

import pytest
import streamlit as st
from every_kind import EveryKind
from streamlit.testing.v1 import AppTest

from vit_lab.runs.experiments import Experiment
from vit_lab.ui import poll as polling
from vit_lab.ui.poll import TICK_SECONDS, poll


@pytest.fixture
def ticks(monkeypatch) -> list[float | None]:
    """How often each part is to be drawn again, in the order in which they are drawn first."""
    told: list[float | None] = []

    def fragment(draw, run_every):
        told.append(run_every)
        return draw

    monkeypatch.setattr(st, "fragment", fragment)
    monkeypatch.setattr(polling, "tell_hold_up", lambda runs: told.append("hold-up"))
    return told


@pytest.mark.parametrize(("name", "every"), [("at-work", TICK_SECONDS), ("picking", TICK_SECONDS), ("done", None)])
def test_it_ticks_only_while_a_run_is_at_work(every_kind: EveryKind, ticks, name, every):
    drawn = []
    poll(lambda: Experiment.read(every_kind.store, name), drawn.append)
    assert ticks == [every, "hold-up"] and [experiment.id for experiment in drawn] == [name]


def test_one_of_several_parts_tells_what_holds_training_up(every_kind: EveryKind, ticks):
    poll(lambda: Experiment.read(every_kind.store, "at-work"), lambda runs: None, every=5.0, leads=False)
    assert ticks == [5.0]


class DrawnAnewError(Exception):
    """Stands for the drawing of the whole page."""


def test_the_page_is_drawn_anew_on_the_tick_on_which_the_standing_changes(every_kind: EveryKind, ticks, monkeypatch):
    def rerun():
        raise DrawnAnewError

    monkeypatch.setattr(st, "rerun", rerun)
    states = [Experiment.read(every_kind.store, name) for name in ("at-work", "done")]
    with pytest.raises(DrawnAnewError):
        poll(iter(states).__next__, lambda runs: None)
    poll(iter(states).__next__, lambda runs: None, standing=lambda runs: "the same")
    with pytest.raises(DrawnAnewError):  # it has changed since the page read what it shows around this part
        poll(lambda: states[1], lambda runs: None, shown=states[0])


def test_what_the_store_refuses_is_said_in_its_sentence(home):
    def page():
        from vit_lab.runs.errors import StoreError
        from vit_lab.runs.experiments import Runs
        from vit_lab.ui.poll import poll

        def draw(runs):
            raise StoreError("the disk is full; free some space")

        poll(Runs, draw)

    at = AppTest.from_function(page).run()
    assert not at.exception and [error.value for error in at.error] == ["the disk is full; free some space"]
