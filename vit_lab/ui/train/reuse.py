"""Taking the settings of an experiment over into the form of the page Train."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.runs.designs import MOST_ARMS, MOST_SEEDS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import grid_centre
from vit_lab.runs.records import RunRecord
from vit_lab.settings import configure
from vit_lab.ui.train.widgets import filled_in, train_link

REUSE, REUSE_ICON = "Use these settings", ":material/tune:"
HELP = "Fills in the form as it was for these runs."


def form_of(runs: Sequence[RunRecord]) -> dict[str, Any] | None:
    """What `train_link` takes to fill the form with an experiment's settings; None where the form cannot hold them."""
    proper = [run for run in runs if not run.pilot]
    if not proper or any(run.unreadable for run in runs) or len({run.condition for run in proper}) > 1:
        return None
    seeds, fair = sorted({run.config.seed for run in proper}), len(proper) < len(runs)
    arms = [configure(run.config, seed=seeds[0]) for _, run in sorted({run.arm: run for run in proper}.items())]
    if fair:
        rate = grid_centre(Experiment.of(runs), proper[0].condition)
        arms = [configure(arm, learning_rate=rate) for arm in arms]
    alike = len({arm.model_copy(update={"init": RunConfig().init}) for arm in arms}) == 1
    fits = len(arms) <= MOST_ARMS and len(seeds) <= MOST_SEEDS and seeds[-1] - seeds[0] == len(seeds) - 1
    return {"arms": arms, "seeds": len(seeds), "fair": fair} if alike and fits else None


def link_of(runs: Sequence[RunRecord]) -> dict[str, str] | None:
    """The query parameters that open Train with an experiment and its settings; None where the form cannot hold them."""
    form = form_of(runs)
    return train_link(**form) | {"experiment": runs[0].experiment} if form else None


def settings_link(runs: Sequence[RunRecord]) -> None:
    """A link that opens Train filled in with an experiment's settings, if the form can hold them."""
    if link := link_of(runs):
        st.page_link("pages/train.py", label=f"{REUSE} in Train", icon=REUSE_ICON, query_params=link)


def settings_button(runs: Sequence[RunRecord]) -> None:
    """The same on the page Train itself."""
    if form := form_of(runs):
        fill = partial(st.session_state.update, filled_in(**form))
        if st.button(REUSE, icon=REUSE_ICON, type="tertiary", key="reuse", help=HELP, on_click=fill):
            st.rerun()  # the form may stand outside of a fragment that the button is in
