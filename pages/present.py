"""Present: one experiment for the last row of a class."""

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.ui.experiments.choose import experiment_on_screen
from vit_lab.ui.look import look
from vit_lab.ui.poll import poll
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.train.present import LOOK, large_curves, large_figures, verdict_words


def draw(found: Experiment) -> None:
    """Everything, once a second while one of its runs is at work."""
    if not found.proper:
        st.info("This experiment has been deleted.")
        return
    large_figures(store, found.readable)
    large_curves(store, found.readable, found.names)
    st.markdown(f"### {verdict_words(found.readable)}")


store = open_store()
shown = experiment_on_screen(store)
look(LOOK, "present")
if shown:
    poll(lambda: Experiment.read(store, shown), draw)
elif not store.latest_experiment():
    st.info("No runs yet: train your first pair, and it can be presented here.")
back = {"experiment": shown} if shown else None
st.page_link("pages/train.py", label="Back to Train", icon=":material/arrow_back:", query_params=back)
