"""The map of starts on the Train page: how all models around an arm would start, two properties laid out."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.analysis.ends import ends
from vit_lab.axes import Grid
from vit_lab.config import RunConfig
from vit_lab.forkserver.calls import CannotStartError
from vit_lab.runs.designs import map_of_ends
from vit_lab.ui.experiments.cost import cost_words
from vit_lab.ui.experiments.launch import NOT_NOW, launch
from vit_lab.ui.maps.ends import draw_ends
from vit_lab.ui.maps.starts import choose, draw_map
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_manager, open_store


def map_panel(configs: Sequence[RunConfig]) -> None:
    """A map around one of the arms, in a fold that is computed only when open."""
    fold = st.expander("Map of starts: the models around an arm", key="map", icon=":material/map:", bind="query-params")
    if not fold.open:
        return
    with fold:
        columns, letters = st.columns(3 + (len(configs) > 1)), [letter(arm) for arm in range(len(configs))]
        choice, around = choose(configs[0], columns, "map"), letters[0]
        if len(configs) > 1:
            around = columns[3].selectbox("Around arm", letters, key="map_arm", bind="query-params")
        config = configs[letters.index(around)]
        grid = Grid.around(config, choice.across, choice.up)
        found = ends(grid, open_store().runs())
        starts, outcomes = st.columns(2) if found else (st.container(), None)
        with starts:
            drawn = draw_map(config, choice, "start-map", configs)
        if outcomes:
            with outcomes:
                draw_ends(grid, found, "end-map")
        if drawn:
            _offer_training(Grid.around(config, choice.across, choice.up, is_coarse=True))


def _offer_training(grid: Grid) -> None:
    """A button that trains every third cell along either axis, with what that costs, which is measured on asking."""
    offer = st.popover("Train the map", icon=":material/model_training:", key="train_map_offer", on_change="rerun")
    if not offer.open:
        return
    with offer:
        plan = map_of_ends(grid)
        note("""
            One run for every third cell along either axis, with the seed of the form. What they come to is laid out
            beside the map of starts: so one sees whether what looks dead at its start dies.
        """)
        try:
            st.markdown(cost_words(plan, open_manager().workers))
        except CannotStartError:
            st.markdown(NOT_NOW)
        if st.button("Train all", type="primary", icon=":material/play_arrow:", key="train_map"):
            launch(plan)
