"""The verdicts of a comparison: each arm against the baseline, in a sentence."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import Comparison, swapped, verdict
from vit_lab.ui.arms import chip

STATE_COLOURS = {
    "decided": "green",
    "not decided": "gray",
    "demo": "orange",
    "not yet": "blue",
    "too few": "gray",
    "exploratory": "gray",
}


def against(baseline: int, comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with the baseline, each as the other arm minus it."""
    return [c if c.a == baseline else swapped(c) for c in comparisons if baseline in (c.a, c.b)]


def verdict_cards(comparisons: Sequence[Comparison], names: Mapping[int, str], size: str = "####") -> None:
    """A card for each comparison; `size` is the heading of its sentence, in Markdown."""
    for c in comparisons:
        with st.container(border=True):
            st.markdown(f"{size} {verdict(c, names[c.a], names[c.b])}")
            whom = "" if c.winner is None else f" for {letter(c.winner)}"
            st.markdown(f"{chip(c.b)} against {chip(c.a)} :{STATE_COLOURS[c.state]}-badge[{c.state}{whom}]")
