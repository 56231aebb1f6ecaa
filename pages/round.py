"""Class: a round that a class does together, as the projector shows it; and what the host does with it."""

from functools import partial

import streamlit as st

from vit_lab.ui.classroom.after import after
from vit_lab.ui.classroom.board import board_panel, moves, question, read_board, standing
from vit_lab.ui.classroom.choose import pick_round
from vit_lab.ui.classroom.host import SHOWN, START, controls, new_round
from vit_lab.ui.poll import poll
from vit_lab.ui.prose import inform
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.serving.visitor import is_host

open_store()
host = is_host()
starts = host and START in st.query_params and SHOWN not in st.query_params  # then no round of before stands in front
above, below = st.container(), st.container()
with below:
    chosen = None if starts else pick_round()
with above:
    if chosen:
        board = read_board(chosen.id)
        question(chosen)
        if host:
            controls(board)
        poll(partial(read_board, chosen.id), board_panel, standing=standing, shown=board, moves=moves)
        if host and not chosen.is_open:
            after(board)
    elif host and not starts:
        inform("""
            No round yet. Open one below: students join with their phones, each commits a guess and trains the pair of a
            seed of their own, and this page shows what the class comes to.
        """)
    elif not host:
        inform("No round yet. The host opens one here; whoever takes part does so on the page Join.")
        st.page_link("pages/join.py", label="Join", icon=":material/login:")
if host:
    tell_cost = new_round(is_open=chosen is None)
    tell_cost()
