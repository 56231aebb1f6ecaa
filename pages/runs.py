"""Runs: the newest runs, a search over all, and what one may do with them."""

from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True)
class Newest(Runs):
    """The newest runs that are searched for, as many as the page shows; which of all are at work, and how many more."""

    all_at_work: tuple[RunRecord, ...] = ()
    others: int = 0

    @cached_property
    def active(self) -> tuple[RunRecord, ...]:
        """Whether shown or not: the table moves while there are any."""
        return self.all_at_work


def read() -> Newest:
    """What the page shows now."""
    words, owner = st.session_state.get("search", ""), visitor() if st.session_state.get("mine") else None
    found = store.listing.runs(st.session_state.get("most", A_PAGE), words, owner)
    return Newest(found.runs, store.listing.at_work(), found.count - len(found.runs))


def table(newest: Newest) -> None:
    """The table and what may be done with its selection. While rows are selected, no row is added or moved."""
    chosen_rows = st.session_state.get("table", {}).get("selection", {}).get("rows", [])
    asked = [st.session_state.get(key) for key in ("search", "mine", "most")]
    shown = st.session_state.get("shown", [])
    runs = tuple(store.runs(shown)) if chosen_rows else ()
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
    if newest.others:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{counted(newest.others, 'older run')} not shown: search, or", width="content")
            st.button(f"Show {min(newest.others, A_PAGE):,} more", on_click=show_more, key="more")


def show_more() -> None:
    """Make the table longer by a page."""
    st.session_state["most"] = st.session_state.get("most", A_PAGE) + A_PAGE


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
