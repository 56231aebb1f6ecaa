"""Join: take part in the round of a class, on a phone."""

from functools import partial

import streamlit as st

from vit_lab.runs.classroom import Seat
from vit_lab.ui.classroom import student
from vit_lab.ui.poll import poll
from vit_lab.ui.prose import inform, literal
from vit_lab.ui.serving.lab import open_store, warm_up
from vit_lab.ui.serving.visitor import visitor

store = open_store()
with st.container(width=student.WIDEST):
    asked = student.pick_open_round()
    if asked:
        me = visitor()
        seat = Seat.read(store, asked.id, me)
        st.header(literal(asked.question), anchor=False)
        if asked.revealed_at:
            student.reveal(asked)
        if seat.guess:
            student.own_guess(seat)
        elif not asked.is_open:
            inform("This round takes no more guesses. Look at the board with the others.")
        elif seat.player:
            student.guess_form(asked)
        else:
            student.join_form(asked)
        if seat.is_trained:
            student.own_pair(seat)
        elif seat.resumable and not seat.active:
            student.train_button(seat)
        elif seat.guess and not seat.stored:
            inform("The runs of your pair have been removed.")
        read = partial(Seat.read, store, asked.id, me)
        poll(read, student.progress, every=student.TICK, standing=student.standing, shown=seat, moves=student.moves)
        if seat.is_trained and not asked.revealed_at:
            inform("Your pair is in. Look at the board: the host reveals how close the guesses were.")
warm_up()
