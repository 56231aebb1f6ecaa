"""What Compare, Arch and Claim are made of: choose an experiment, launch one, see it live, take it home."""

from collections.abc import Callable

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.records import Kind
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.choose import can_be_seen_as, pick_experiment
from vit_lab.ui.experiments.downloads import downloads
from vit_lab.ui.experiments.launch import launcher
from vit_lab.ui.poll import poll
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.train.reuse import settings_link

PAGES: dict[Kind, str] = {"compare": "a comparison", "sweep": "an arch over variances", "claim": "a check of the claim"}
Draw = Callable[[Store, Experiment], None]


def experiment_page(kind: Kind, label: str, form: Callable[[], Plan], draw: Draw, empty: str) -> None:
    """A page about experiments of one kind; `label` is of the fold with the form, `empty` said while there are none."""
    store = open_store()
    chosen = pick_experiment(kind)
    tell_cost = launcher(label, kind, f"pages/{kind}.py", form, is_open=chosen is None)
    if chosen:
        live(draw, chosen)
        downloads(store, chosen)
        found = Experiment.read(store, chosen)
        settings_link(found)
        other_views(kind, found)
    else:
        st.info(empty)
    tell_cost()


def other_views(kind: Kind, experiment: Experiment) -> None:
    """Links to the pages that show the same experiment another way."""
    with st.container(horizontal=True):
        for other, name in PAGES.items():
            if other != kind and experiment.runs and can_be_seen_as(experiment, other):
                label, here = f"See it as {name}", {"experiment": experiment.id}
                st.page_link(f"pages/{other}.py", label=label, icon=":material/visibility:", query_params=here)


def live(draw: Draw, experiment: str) -> None:
    """Draw what can be read of an experiment now, and each second while one of its runs is at work."""
    store = open_store()

    def panel(found: Experiment) -> None:
        if hidden := len(found.unreadable):
            st.warning(f"{hidden} of the runs cannot be read here, and are in no number on this page.")
        if found.runs:
            if found.shared_words:
                st.caption(f"All runs: {found.shared_words}. The rest is as in the classroom preset.")
            draw(store, found.readable)
        else:
            st.info("This experiment has been deleted.")

    poll(lambda: Experiment.read(store, experiment), panel)
