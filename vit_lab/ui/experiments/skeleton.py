"""What Compare, U-curve and Claim are made of: choose an experiment, launch one, see it live, take it home."""

from collections.abc import Callable

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.records import Kind
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.choose import pick_experiment
from vit_lab.ui.experiments.downloads import downloads
from vit_lab.ui.experiments.launch import launcher
from vit_lab.ui.poll import poll
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.train.reuse import settings_link

Draw = Callable[[Store, Experiment], None]


def experiment_page(kind: Kind, label: str, form: Callable[[], Plan], draw: Draw, empty: str) -> None:
    """A page about experiments of one kind; `label` is of the fold with the form, `empty` said while there are none."""
    store = open_store()
    chosen = pick_experiment(kind)
    tell_cost = launcher(label, kind, f"pages/{kind}.py", form, is_open=chosen is None)
    if chosen:
        live(draw, chosen)
        downloads(store, chosen)
        settings_link(Experiment.read(store, chosen))
    else:
        st.info(empty)
    tell_cost()


def live(draw: Draw, experiment: str) -> None:
    """Draw what can be read of an experiment now, and each second while one of its runs is at work."""
    store = open_store()

    def panel(found: Experiment) -> None:
        if hidden := len(found.unreadable):
            st.warning(f"{hidden} of the runs cannot be read here, and are in no number on this page.")
        if found.runs:
            draw(store, found.readable)
        else:
            st.info("This experiment has been deleted.")

    poll(lambda: Experiment.read(store, experiment), panel)
