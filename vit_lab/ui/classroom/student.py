"""A round on a student's phone, one thing at a time: a name, a guess that stays, one button, what came out."""

from typing import Any

import streamlit as st

from vit_lab.analysis.arms import LETTERS
from vit_lab.runs.classroom import ARMS, Seat
from vit_lab.runs.experiments import Runs
from vit_lab.runs.rounds import CODE_LENGTH, LONGEST_NICKNAME, MOST_POINTS, Round
from vit_lab.settings import flat
from vit_lab.spelling import arm_names, setting_words
from vit_lab.ui.arms import chip
from vit_lab.ui.classroom.host import classroom
from vit_lab.ui.fields import number_field
from vit_lab.ui.poll import poll
from vit_lab.ui.prose import inform, literal, note
from vit_lab.ui.serving.lab import open_store, problems_told
from vit_lab.ui.serving.visitor import visitor
from vit_lab.ui.train.card import progress_words

CODE = "code"  # in the address
WIDEST = 640  # pixels: one column, also on a screen that has room for more
TICK = 2.0  # seconds between two looks of a phone


def pick_open_round() -> Round | None:
    """The round of the address, else theirs if none was opened since, else the only one that is open.

    Otherwise its code is asked for.
    """
    rounds = open_store().rounds
    code = st.query_params.get(CODE, "")
    if code and (found := rounds.by_code(code)):
        return found
    open_ones = [one for one in rounds.all() if one.is_open]
    newest = next((one for one in rounds.all() if one.is_open or rounds.guess(one.id, visitor())), None)
    is_clear = newest is not None and (len(open_ones) == 1 or rounds.guess(newest.id, visitor()) is not None)
    if not code and newest and is_clear:
        st.query_params[CODE] = newest.code
        return newest
    if code:
        st.warning("There is no round with this code. Look at the board again, and mind that it may be archived.")
    elif not open_ones:
        inform("No round is open yet. This page notices when the host opens one.")
        poll(Runs, lambda nothing: None, every=TICK, standing=_is_one_open, moves=lambda nothing: True)
    with st.form("code_form", border=False):
        typed = st.text_input("Code of the round", max_chars=CODE_LENGTH + 4, key="code_typed")
        if st.form_submit_button("Go", type="primary", width="stretch", key="code_go"):
            st.query_params[CODE] = "".join(typed.split()).upper()
            st.rerun()
    return None


def _is_one_open(nothing: Runs) -> bool:
    return any(one.is_open for one in open_store().rounds.all())


def standing(seat: Seat) -> Any:
    """What the page outside of the ticks shows: the step at which the student is."""
    assert seat.round is not None
    moments = seat.round.closed_at, seat.round.revealed_at, seat.round.archived_at
    return moments, seat.player is None, seat.guess is None, bool(seat.active), bool(seat.resumable), len(seat.ended)


def moves(seat: Seat) -> bool:
    """Whether the host may still change something, or a run is at work."""
    assert seat.round is not None
    return not (seat.round.revealed_at or seat.round.archived_at) or bool(seat.active)


def join_form(asked: Round) -> None:
    """A nickname, and in."""
    with st.form("join_form", border=False):
        name = st.text_input("Your nickname", max_chars=LONGEST_NICKNAME, key="nickname")
        pressed = st.form_submit_button("Join", type="primary", width="stretch", key="join")
    note("Others see it on the board. Do not use your full name.")
    if pressed:
        with problems_told():
            classroom().join(asked.id, name)
            st.rerun()


def guess_form(asked: Round) -> None:
    """Which twin, by how much, and what the host has left open; once committed it stays."""
    names = arm_names(asked.arms)
    labels = [f"{LETTERS[arm]} · {name}" for arm, name in enumerate(names)]
    options, told = list(range(ARMS)), "Which twin is ahead?"
    arm = st.pills(told, options, format_func=lambda one: literal(labels[one]), key="arm", width="stretch")
    points = st.number_input("By how many points?", 0.0, MOST_POINTS, 1.0, 1.0, format="%g", key="points")
    usual = flat(asked.arms[0])
    settings = {field: number_field(field, usual.get(field), f"free_{field}") for field in asked.free}
    look: dict[str, Any] = {"type": "primary", "width": "stretch", "help": "Choose a twin first."}
    if st.button("Commit my guess", disabled=arm is None, key="commit", **look) and arm is not None:
        with problems_told():
            classroom().commit(asked.id, arm, float(points), settings)
            st.rerun()
    note("A point is one percent of the test images. A committed guess cannot be changed.")


def own_guess(seat: Seat) -> None:
    """What was guessed, and that it stays."""
    assert seat.round is not None and seat.guess is not None
    guess = seat.guess
    changed = ", ".join(f"{setting_words(name)} {value}" for name, value in guess.settings.items())
    st.subheader(f":material/lock: Your guess: {chip(guess.arm)} ahead by {guess.points:g}", anchor=False)
    st.caption(f"Seed {guess.seed} is yours{f', with {changed}' if changed else ''}.")


def train_button(seat: Seat) -> None:
    """The one button that a student needs: it starts their own pair, or lets it go on."""
    assert seat.round is not None
    goes_on = any(run.step for run in seat.stored)
    if st.button(
        "Go on with my pair" if goes_on else "Train my pair", type="primary", width="stretch", key="train_mine"
    ):
        with problems_told():
            classroom().train(seat.round.id)
            st.rerun()


def progress(seat: Seat) -> None:
    """How far the two runs are, or where they stand in the queue; drawn again while they train."""
    if not seat.active:
        return
    store = open_store()
    for run in seat.stored:
        share = min(run.step / run.planned_steps, 1.0)
        st.progress(share, text=f"{chip(run.arm)} {progress_words(store, run)}")


def own_pair(seat: Seat) -> None:
    """What the student's own pair came to."""
    from vit_lab.analysis.guesses import ahead
    from vit_lab.analysis.scores import score_of

    one, other = (score_of(run) for run in seat.stored[:ARMS])
    if one is None or other is None:
        return
    st.subheader(f"Your pair: {ahead((other - one) * 100)}", anchor=False)
    st.markdown(f"{chip(0)} {one:.1%}  {chip(1)} {other:.1%} of the test images right.")


def reveal(asked: Round) -> None:
    """The student's guess against the class, once the host has revealed it."""
    from vit_lab.analysis.guesses import ahead, closest
    from vit_lab.ui.classroom.board import read_board

    told = read_board(asked.id).lines
    mine = next((line for line in told if line.visitor == visitor()), None)
    if mine is None or mine.off_by is None:
        return
    st.header(f"The class: {ahead(mine.class_mean)}", anchor=False)
    if mine in closest(told):
        st.subheader(":material/emoji_events: Nobody came closer than you.", anchor=False)
    else:
        nearer = sum(line.off_by is not None and line.off_by < mine.off_by for line in told)
        st.subheader(f"You were {mine.off_by:.1f} points off; {nearer} came closer.", anchor=False)
