"""What all Learn pages share: a heading, captions that say what to look for, and the links at the end."""

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.ui.menu import LESSONS, highlight_lessons
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.train.widgets import train_link


def lesson(name: str) -> None:
    """The top of a page: its number and title."""
    open_store()  # also on a cold server, where a link leads here first
    highlight_lessons()
    st.header(LESSONS[name], anchor=False)


def look_for(text: str) -> None:
    """The caption under a figure: what to look for in it."""
    note(f":material/visibility: {text}")


def end_of_lesson(name: str, label: str, *arms: RunConfig) -> None:
    """The bottom of a page: a link that opens Train with these arms filled in, and one to the next lesson."""
    st.divider()
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.page_link("pages/train.py", label=label, icon=":material/play_circle:", query_params=train_link(arms))
        names = list(LESSONS)
        if following := names[names.index(name) + 1 : names.index(name) + 2]:
            (page,) = following
            to, title = f"pages/{page}.py", f"Next: {LESSONS[page]}"
            st.page_link(to, label=title, icon=":material/east:", icon_position="right")
