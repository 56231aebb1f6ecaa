"""Filling in the form of Train at once: with a preset, or with what suits another kind of model."""

import streamlit as st

from vit_lab.config import STANDARD_RATES
from vit_lab.presets import PRESETS
from vit_lab.ui.train.widgets import KEYS, STANDARD, for_another_kind, widgets_of

PRESETS_HELP = "".join(f"\n- **{name}**: {preset.summary}" for name, preset in PRESETS.items())


def preset_picker() -> None:
    """Buttons that fill the whole form; the one that matches what is filled in is lit."""
    st.session_state["preset"] = next((name for name in PRESETS if _is_filled_in(name)), None)
    st.pills("Start from", list(PRESETS), key="preset", on_change=_fill_in, help=PRESETS_HELP)


def follow_kind() -> None:
    """Fill in the form for the kind of model that has just been chosen, from how it was for the kind before."""
    shown = {key: st.session_state[key] for key in KEYS if key in st.session_state}
    shown["kind"] = st.session_state["drawn_kind"]
    st.session_state.update(for_another_kind(shown, st.session_state["kind"]))


def follow_optimiser() -> None:
    """Bring the learning rate of the optimiser that has just been chosen, unless a person has set one."""
    before, chosen = st.session_state["drawn_optimiser"], st.session_state["optimiser"]
    if st.session_state["preset"] or st.session_state["learning_rate"] == STANDARD_RATES[before]:
        st.session_state["learning_rate"] = STANDARD_RATES[chosen]


def _fill_in() -> None:
    name = st.session_state["preset"]
    if name in PRESETS:
        st.session_state.update(widgets_of(PRESETS[name].config))


def _is_filled_in(name: str) -> bool:
    wanted = widgets_of(PRESETS[name].config)
    standard = widgets_of(STANDARD[wanted["kind"]]) | {"kind": "vit"}
    return all(st.session_state.get(key, standard[key]) == value for key, value in wanted.items())
