"""After a round: what may be taken home, and what may go."""

from functools import partial

import streamlit as st

from vit_lab.analysis.guesses import comparisons, guesses_csv, lines
from vit_lab.runs.classroom import Board
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.spelling import counted
from vit_lab.ui.classroom.host import classroom
from vit_lab.ui.experiments.downloads import DOWNLOAD_ICON
from vit_lab.ui.figures.rows import run_curves
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_store, problems_told

NAMES_HELP = "Without it, a guess is that of a student; with it, nicknames stand beside guesses."


def after(board: Board) -> None:
    """Handout and table of a closed round, and the buttons that put it away."""
    assert board.round is not None
    store, round_id = open_store(), board.round.id
    st.markdown("**After the round**")
    names = st.toggle("With nicknames", key="handout_names", help=NAMES_HELP)
    with st.container(horizontal=True):
        st.download_button(
            "Handout",
            partial(_handout, store, round_id, names),
            f"vit-lab-round-{board.round.code}.html",
            "text/html",
            icon=":material/description:",
            on_click="ignore",
            key="handout",
            help="One HTML file that opens without a network.",
        )
        st.download_button(
            "Guesses as CSV",
            partial(_table, store, round_id, names),
            f"vit-lab-round-{board.round.code}.csv",
            "text/csv",
            icon=DOWNLOAD_ICON,
            on_click="ignore",
            key="guesses_csv",
        )
        if not board.round.archived_at and st.button("Archive", icon=":material/archive:", key="round_archive"):
            _archive(board)
        if st.button("Remove visitors' runs", icon=":material/delete:", key="round_remove"):
            _remove(board)


def _handout(store: Store, round_id: str, names: bool) -> str:
    from vit_lab.analysis.handout import handout  # brings the chart renderer

    board = Board.read(store, round_id)
    return handout(board, run_curves(store, board.experiment.proper, "accuracy", "validation"), names=names)


def _table(store: Store, round_id: str, names: bool) -> str:
    board = Board.read(store, round_id)
    return guesses_csv(lines(board, comparisons(board)), names=names)


@st.dialog("Archive this round")
def _archive(board: Board) -> None:
    assert board.round is not None
    students, runs = counted(len(board.players), "student"), counted(len(board.stored), "run")
    kept = f"{students}, {counted(len(board.guesses), 'guess')} and {runs} stay, and can be looked at here"
    st.write(f"The code {board.round.code} will lead nowhere any more. {kept}.")
    if st.button("Archive", type="primary", icon=":material/archive:", key="archive_confirmed"):
        with problems_told():
            classroom().archive(board.round.id)
            st.rerun()


@st.dialog("Remove visitors' runs")
def _remove(board: Board) -> None:
    store = open_store()
    waited_for = store.rounds.open_ones()  # of which a pair that is taken out would be missing from the plan
    everywhere = [run for run in store.runs() if run.experiment not in waited_for]
    scopes = {"Of this round": list(board.stored), "All that visitors have trained here": everywhere}
    scope = st.radio("Which", list(scopes), key="remove_scope")
    theirs = [run for run in scopes[scope] if run.owner]
    going = [run for run in theirs if not run.is_active]
    st.write(_what_goes(going))
    if len(going) < len(theirs):
        note(f"{counted(len(theirs) - len(going), 'run')} at work stay; stop them first if they should go, too.")
    if waited_for:
        note("Rounds that are open keep theirs.")
    note("Guesses stay. Take the handout first: verdict and curves go with the runs. This cannot be undone.")
    if st.button("Remove", type="primary", icon=":material/delete:", key="remove_confirmed", disabled=not going):
        with problems_told():
            classroom().remove_runs(going)
            st.rerun()


def _what_goes(going: list[RunRecord]) -> str:
    """By number, what will be lost."""
    students = len({run.owner for run in going})
    return f"{counted(len(going), 'run')} of {counted(students, 'visitor')} will go, with all that they measured."
