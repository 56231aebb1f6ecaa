"""Choices that a hand makes with a widget, and code as well: a click on a map, a film, a button.

A browser sends the values of all its widgets with every request, also with the one that asks each second for news. One
that was on its way when code chose something would bring the old value back. So a choice is held beside its widget,
and after code has chosen, another widget shows it, of which that browser knows nothing yet.
"""

from typing import Any

import streamlit as st


def held(name: str, first: Any) -> Any:
    """What is chosen; `first` if nothing was."""
    return st.session_state.get(name, first)


def choose(name: str, value: Any) -> None:
    """Let code choose."""
    st.session_state[name] = value
    st.session_state[f"{name}-shown"] = st.session_state.get(f"{name}-shown", 0) + 1


def key_of(name: str) -> str:
    """The key of the widget that shows the choice now; give it `take` to call on a change."""
    return f"{name}-{st.session_state.get(f'{name}-shown', 0)}"


def take(name: str) -> None:
    """Let the hand choose: what the widget says, is chosen."""
    if (key := key_of(name)) in st.session_state:
        st.session_state[name] = st.session_state[key]
