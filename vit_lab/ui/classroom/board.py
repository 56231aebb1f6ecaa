"""The board of a round, for the projector: counts and names while guesses are taken, then guesses, pairs, verdict."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import Comparison
from vit_lab.analysis.guesses import Line, Results, ahead, closest, closest_words, right_twin
from vit_lab.refusals import one_of
from vit_lab.runs.classroom import ARMS, Board
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE
from vit_lab.runs.rounds import Round
from vit_lab.spelling import arm_names
from vit_lab.ui.arms import chip
from vit_lab.ui.classroom.invitation import invitation
from vit_lab.ui.compare.verdicts import verdict_cards
from vit_lab.ui.poll import TICK_SECONDS
from vit_lab.ui.prose import literal, note
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.serving.lately import Lately
from vit_lab.ui.words import about

QR_PIXELS = 240
VERDICT_SIZE = "###"
HIDDEN = ":material/lock: Guesses are hidden until the host closes them, and so is what pairs come to."


def read_board(round_id: str) -> Results:
    """A round as it is, worked out once a second for all who look at it, and anew when anything has happened."""
    return _read(round_id, open_store().rounds.version(round_id))


_read = Lately(lambda round_id, version: Results.read(open_store(), round_id), TICK_SECONDS)


def standing(board: Board) -> Any:
    """What of a round the page outside of the ticks shows."""
    assert board.round is not None
    moments = board.round.closed_at, board.round.revealed_at, board.round.archived_at
    return moments, bool(board.players), bool(board.active), bool(board.resumable)


def moves(board: Board) -> bool:
    """Whether anything on the board may change by itself: somebody may join, or start a pair that stands still."""
    assert board.round is not None
    return board.round.is_open or (len(board.ended) < len(board.stored) and not board.round.archived_at)


def question(asked: Round) -> None:
    """What is asked, and the two twins."""
    st.header(literal(asked.question), anchor=False)
    arms = enumerate(arm_names(asked.arms))
    st.subheader("  against  ".join(f"{chip(arm)} {literal(name)}" for arm, name in arms), anchor=False)


def board_panel(board: Results) -> None:
    """All that the class looks at; drawn again each second. Who may still guess sees nothing of what came out."""
    assert board.round is not None
    if board.round.is_open:
        left, right = st.columns([0.32, 0.68], gap="large")
        with left:
            invitation(board.round, QR_PIXELS)
        with right:
            _counts(board)
            _names(board)
    else:
        found, told = board.comparisons, board.lines
        left, right = st.columns([0.6, 0.4], gap="large")
        with left:
            _chart(board)
        with right:
            if board.round.revealed_at:
                _reveal(told, found)
            else:
                _counts(board)
            _verdicts(board, found)
        if told:
            _table(told, is_revealed=bool(board.round.revealed_at))


def _chart(board: Results) -> None:
    """Guesses and pairs on one axis; nothing before there are some."""
    if any(line.guess is not None or line.own_pair is not None for line in board.lines):
        words = "Guesses above the axis, pairs below it"
        st.vega_lite_chart(board.rows, charts.GUESSES(), key="guesses", alt=words)
        st.caption(f"{words}: triangles are guesses, dots pairs, the diamond is their mean on its 95 % interval.")


def _counts(board: Board) -> None:
    done = sum(len(runs) == ARMS for runs in _ended_by_seed(board).values())
    with st.container(horizontal=True):
        st.metric("Joined", len(board.players), width="content")
        st.metric("Guessed", len(board.seeds or {}), width="content")
        st.metric("Pairs trained", f"{done} of {len(board.seeds or {})}", width="content")
        if left := _time_left(board):
            st.metric("Still to train", left, width="content")


def _ended_by_seed(board: Board) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for run in board.experiment.ended:
        found.setdefault(run.config.seed, []).append(run.arm)
    return found


def _time_left(board: Board) -> str:
    """In words, from the speed of the runs at work; nothing while none is known."""
    speed = sum(run.images_per_second or 0.0 for run in board.experiment.active if run.status == "running")
    left = sum((run.planned_steps - run.step) * run.config.optim.batch_size for run in board.experiment.active)
    return about(left / speed) if speed else ""


def _names(board: Board) -> None:
    """Everybody who is there; a tick for whoever has guessed, and nothing of what."""
    if not board.players:
        st.subheader("Nobody has joined yet.", anchor=False)
        return
    guessed = board.seeds or {}
    signs = [
        f":{'green' if player.visitor in guessed else 'gray'}-badge[{literal(player.nickname)}"
        f"{' ✓' if player.visitor in guessed else ''}]"
        for player in board.players
    ]
    st.markdown(" ".join(signs))
    st.caption(HIDDEN)


def _verdicts(board: Board, found: Sequence[Comparison]) -> None:
    """The verdict of the page Compare on the same runs; one for each set of settings, where students chose some."""
    if not found:
        return
    names, conditions = board.experiment.names, board.experiment.conditions
    for c in found:
        if conditions[c.condition]:
            st.caption(conditions[c.condition])
        verdict_cards([c], names, VERDICT_SIZE)
        if 0 < c.test.n < FEWEST_FOR_EVIDENCE:
            more = f"{c.test.n} of the {FEWEST_FOR_EVIDENCE} pairs at which evidence begins"
            st.markdown(f":orange-badge[demo] {more}")


def _reveal(told: Sequence[Line], found: Sequence[Comparison]) -> None:
    """Who came closest, and how many had the right twin."""
    best, (right, of) = closest(told), right_twin(told)
    if not best:
        st.info("Nothing to compare the guesses with yet: no pair has a result.")
        return
    names = one_of([literal(line.name) for line in best[:4]] + ["others"] * (len(best) > 4), "and")
    with st.container(border=True):
        st.subheader(f":material/emoji_events: Closest: {names}", anchor=False)
        st.markdown(f"{closest_words(best)} {right} of {of} guessed the twin that is ahead.")
    if any(c.test.n < c.planned for c in found):
        note("Not all pairs are in: who came closest may still change.")


def _table(told: Sequence[Line], *, is_revealed: bool) -> None:
    """Guess and own pair of everybody; once it is revealed how far off each is, that too, and the closest first."""
    if is_revealed:
        told = sorted(told, key=lambda line: (line.off_by is None, line.off_by or 0.0))
    rows = [
        {"Name": line.name, "Guess": line.guessed, "Own pair": ahead(line.own_pair)}
        | ({"Off by, points": "–" if line.off_by is None else f"{line.off_by:.1f}"} if is_revealed else {})
        for line in told
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="lines", alt="Guess and pair of each student")
    if is_revealed:
        st.caption("Off by: how far a guess is from the mean difference of all pairs.")
