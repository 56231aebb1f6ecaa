"""Taking the settings of an experiment over into the form of the page Train."""

from functools import partial
from typing import Any

import streamlit as st

from vit_lab.config import InitConfig
from vit_lab.runs.designs import MOST_ARMS, MOST_SEEDS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import grid_centre
from vit_lab.settings import configure
from vit_lab.ui.train.widgets import filled_in, train_link

REUSE, REUSE_ICON = "Use these settings", ":material/tune:"
HELP = "Fills in the form as it was for these runs."


def form_of(experiment: Experiment) -> dict[str, Any] | None:
    """What `train_link` takes to fill the form with an experiment's settings; None where the form cannot hold them."""
    if not experiment.proper or experiment.unreadable or len(experiment.data) > 1:
        return None
    if any(config.fork for config in experiment.arms.values()):
        return None
    seeds, fair, [condition] = experiment.seeds, experiment.is_fair, experiment.data
    arms = []
    for arm, config in experiment.arms.items():
        rate = grid_centre(experiment, (arm, condition)) or config.optim.learning_rate
        arms.append(configure(config, seed=seeds[0], learning_rate=rate))
    alike = len({arm.model_copy(update={"init": InitConfig()}) for arm in arms}) == 1
    fits = len(arms) <= MOST_ARMS and len(seeds) <= MOST_SEEDS and seeds[-1] - seeds[0] == len(seeds) - 1
    return {"arms": arms, "seeds": len(seeds), "fair": fair} if alike and fits else None


def link_of(experiment: Experiment) -> dict[str, str] | None:
    """The query parameters that open Train with an experiment and its settings; None where the form cannot hold it."""
    form = form_of(experiment)
    return train_link(**form) | {"experiment": experiment.id} if form else None


def settings_link(experiment: Experiment) -> None:
    """A link that opens Train filled in with an experiment's settings, if the form can hold them."""
    if link := link_of(experiment):
        st.page_link("pages/train.py", label=f"{REUSE} in Train", icon=REUSE_ICON, query_params=link)


def settings_button(experiment: Experiment) -> None:
    """The same on the page Train itself."""
    if form := form_of(experiment):
        fill = partial(st.session_state.update, filled_in(**form))
        if st.button(REUSE, icon=REUSE_ICON, type="tertiary", key="reuse", help=HELP, on_click=fill):
            st.rerun()  # the form may stand outside of a fragment that the button is in
