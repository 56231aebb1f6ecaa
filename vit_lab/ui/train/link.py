"""The address of the Train page: what the link holds that a visit begins with, and which widgets the URL follows."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import streamlit as st

from vit_lab.ui.prose import as_code
from vit_lab.ui.train.widgets import KEYS, is_spelled, spelled

LONGEST_NUMBER = 24  # letters


def arriving_link() -> dict[str, str]:
    """The settings in the link that a person has just followed to the form; nothing when the page is drawn again.

    Such a link says all settings: what was filled in before is forgotten.
    """
    arrived = "drawn_kind" not in st.session_state  # with the link that this visit began with
    if "form" in st.query_params:  # a link from another page, over a form that may be filled in already
        arrived = True
        del st.query_params["form"]
    found = {key: text for key, text in st.query_params.items() if key in KEYS} if arrived else {}
    for key in KEYS if found else ():
        st.session_state.pop(key, None)
    return found


def tell_refused(arrived: Mapping[str, str]) -> None:
    """Say in a sentence what an arriving link asks for and the form, now drawn, does not show."""
    told = []
    for key, text in arrived.items():
        asked = as_code(f"{key}={text}")
        if key not in st.session_state:
            told.append(f"{asked} has no place in this form")
        elif not is_spelled(shown := st.session_state[key], text):
            told.append(f"{asked} does not work, so it is {spelled(shown) or 'left empty'}")
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    if told:
        st.warning(f"Not everything in the link can be used: {'; '.join(told[:3])}{more}.")


def link(field: str) -> Literal["query-params"] | None:
    """Ties a number to its place in the URL, save where an infinite one stands there: Streamlit cannot take that."""
    try:
        return "query-params" if math.isfinite(float(st.query_params.get(field, 0))) else None
    except ValueError:
        return "query-params"


def link_unless_empty(field: str) -> Literal["query-params"] | None:
    """Ties a choice to its place in the URL, save where nothing stands there: Streamlit would choose nothing."""
    if st.query_params.get(field, "something"):
        return "query-params"
    del st.query_params[field]  # so the next choice has its place again
    return None


def number_in(text: Any) -> float | None:
    """The number that a text of a link spells, if it spells one."""
    try:
        return float(text) if isinstance(text, str) and len(text) <= LONGEST_NUMBER else None
    except ValueError:
        return None
