"""Which round is shown: the one that the address names, or else the one opened last."""

import streamlit as st

from vit_lab.runs.rounds import Round
from vit_lab.ui.classroom.host import SHOWN
from vit_lab.ui.serving.lab import open_store

MOST_LETTERS = 80  # of a question in the box


def pick_round() -> Round | None:
    """A box with all rounds, newest first, if there are several; the one that is shown stands in the address."""
    rounds = {one.id: one for one in open_store().rounds.all()}
    if not rounds:
        return None
    linked = st.query_params.get(SHOWN)
    if linked and linked not in rounds:
        st.warning("The round of this link is not here.")
    shown = linked if linked in rounds else next(iter(rounds))
    if len(rounds) > 1:
        if st.session_state.get("round_linked") != linked:
            st.session_state["round_shown"] = shown
        ids = list(rounds)
        key = "round_shown"
        shown = st.selectbox("Round", ids, ids.index(shown), format_func=lambda one: _title(rounds[one]), key=key)
    st.query_params[SHOWN] = st.session_state["round_linked"] = shown
    return rounds[shown]


def _title(one: Round) -> str:
    asked = one.question if len(one.question) <= MOST_LETTERS else f"{one.question[: MOST_LETTERS - 1]}…"
    state = "archived" if one.archived_at else "revealed" if one.revealed_at else "closed" if one.closed_at else "open"
    return f"#{one.number} {one.code}, {state}: {asked}"
