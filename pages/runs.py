"""Runs: every run so far, and what one may do with them."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.runs.experiments import Runs
from vit_lab.runs.records import RunRecord
from vit_lab.spelling import counted
from vit_lab.ui.poll import poll
from vit_lab.ui.runs.actions import actions
from vit_lab.ui.runs.table import A_PAGE, COLUMN_CONFIG, runs_table
from vit_lab.ui.serving.lab import open_store, problems_told
from vit_lab.ui.serving.visitor import is_class, visitor

TABLE_SECONDS = 2.0
SEARCH = "Search names, tags, states and settings"

store = open_store()


def read() -> Runs:
    """The newest runs that are searched for, as many as the page shows."""
    words, owner = st.session_state.get("search", ""), visitor() if st.session_state.get("mine") else None
    found = store.listing.runs(st.session_state.setdefault("most", A_PAGE), words, owner)
    st.session_state["found"] = found.count
    return Runs(found.runs)


def table(newest: Runs) -> None:
    """The table and what may be done with its selection. While rows are selected, no row is added or moved."""
    chosen_rows = st.session_state.get("table", {}).get("selection", {}).get("rows", [])
    asked = (st.session_state.get("search", ""), st.session_state.get("mine", False), st.session_state["most"])
    shown = st.session_state.get("shown", [])
    runs: Sequence[RunRecord] = store.runs(shown)
    if not chosen_rows or len(runs) < len(shown) or asked != st.session_state.get("asked", asked):
        if chosen_rows:  # a row may have moved: what was ticked is not what stands there now
            chosen_rows, st.session_state["table"] = [], {"selection": {"rows": []}}
        runs = newest.stored
        st.session_state["shown"] = [run.id for run in runs]
    st.session_state["asked"] = asked
    bar = st.container(horizontal=True)
    st.dataframe(
        runs_table(runs),
        column_config=COLUMN_CONFIG,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        height="content" if len(runs) <= 18 else 700,
        key="table",
        alt="Runs, newest first",
    )
    chosen = [runs[row] for row in chosen_rows if row < len(runs)]
    with bar, problems_told():
        actions(chosen)
    if not chosen:
        st.caption("Select rows to open, rename, tag, run again, stop, delete or download them.")
    if (others := st.session_state["found"] - len(runs)) > 0:
        words = f"{counted(others, 'older run')} not shown: search, or"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(words, width="content")
            st.button(f"Show {min(others, A_PAGE):,} more", on_click=show_more, key="more")


def show_more() -> None:
    """Make the table longer by a page."""
    st.session_state["most"] += A_PAGE


if store.latest_experiment():
    icon = ":material/search:"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text_input("Search", key="search", placeholder=SEARCH, icon=icon, label_visibility="collapsed")
        if is_class():
            st.toggle("Mine only", key="mine", width="content")
    poll(read, table, every=TABLE_SECONDS)
else:
    st.info("No runs yet: train your first pair, and it will be kept here.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
