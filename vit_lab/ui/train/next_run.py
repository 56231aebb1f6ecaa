"""What the form would train next: the model and its arms in words, and the button that starts them."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vit_lab.config import RunConfig
from vit_lab.spelling import arm_label
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.picture import PICTURE_AND_WORDS, draw_input
from vit_lab.ui.words import model_words

NEXT = "**Next run**"  # over others that are on the page


def next_run(configs: Sequence[RunConfig], *, heading: str) -> tuple[DeltaGenerator, list[DeltaGenerator]]:
    """The model of the form; returns the place of the button, and one for a line on each arm."""
    model, dataset = configs[0].model, configs[0].data.dataset
    picture, words = st.columns(PICTURE_AND_WORDS[model.kind], gap="medium", vertical_alignment="center")
    with picture:
        draw_input(dataset, model)
    with words:
        st.markdown(f"{heading} {model_words(model)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            lines, click = st.container(), st.container(width="content")
        return click, [lines.container() for _ in configs]


def next_run_in_a_line(configs: Sequence[RunConfig]) -> DeltaGenerator:
    """The arms of the form alone, where something else has the page; returns the place of the button."""
    arms = "&emsp;".join(f"{chip(arm)} {arm_label(config.init)}" for arm, config in enumerate(configs))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{NEXT}: {arms}", width="content")
        return st.container(width="content")
