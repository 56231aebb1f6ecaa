"""A class goes through a whole round while its server is killed again and again: no guess is lost, none changes.

Students are websockets; the server is a real one. What it has acknowledged, by drawing the page that says so, must be
there after every kill -9.
"""

import time
from contextlib import closing, suppress
from typing import Any

import numpy as np
import pytest
from a_server import Dashboard
from peer import Peer
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from tiny import tiny
from waiting import wait_for
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from vit_lab.analysis.comparison import verdict
from vit_lab.analysis.guesses import comparisons
from vit_lab.runs.classroom import Board, Classroom
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import ENDED
from vit_lab.runs.store import Store

ARMS = [tiny(scheme=scheme, steps=30) for scheme in ("linear-default", "xavier")]
CHOICES = (r"A · linear\-default", "B · xavier")  # as the page offers them
GONE = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, AssertionError)  # while the server is dead or dies


class Student:
    """A browser that joins, guesses and trains, and starts over at its page whenever the server goes away."""

    def __init__(self, server: Dashboard, place: int):
        self.server, self.name = server, f"S{place}"
        self.arm, self.points = place % 2, float(1 + place % 40)
        self.cookie = f"_streamlit_xsrf=2|00000000|{place + 1:032x}|1700000000"
        self.acknowledged = self.is_done = False
        self.peer: Peer | None = None

    def go_on(self) -> None:
        """One thing more, as far as the server lets it."""
        try:
            page = self.peer = self.peer or Peer(self.server, self.cookie)
            page.open(page="join")
            if "Your guess:" in page.text:
                self.acknowledged = True
            if "Your pair:" in page.text:
                self.is_done = True
            elif "-nickname" in page.text:
                self._press(page, "join", nickname={"string_value": self.name})
            elif "-points" in page.text:
                chosen = {"arm": {"string_array_value": [CHOICES[self.arm]]}, "points": {"double_value": self.points}}
                self._guess(page, chosen)
            elif "-train_mine" in page.text:
                page.open(page="join", click="train_mine")
        except GONE:
            self.leave()

    def leave(self) -> None:
        """Close the page."""
        with suppress(*GONE):
            if self.peer:
                self.peer.close()
        self.peer = None

    def _guess(self, page: Peer, chosen: dict[str, dict[str, Any]]) -> None:
        self._press(page, "commit", **chosen)
        if "Your guess:" in page.text:
            self.acknowledged = True

    def _press(self, page: Peer, button: str, **values: dict[str, Any]) -> None:
        message = BackMsg()
        message.rerun_script.page_name = "join"
        message.rerun_script.context_info.timezone = "UTC"
        message.rerun_script.widget_states.SetInParent()
        widgets = message.rerun_script.widget_states.widgets
        for key, value in values.items():
            widgets.add().CopyFrom(_state(page.id_of(key), value))
        widgets.add().CopyFrom(WidgetState(id=page.id_of(button), trigger_value=True))
        page.send(message)
        page.read()


def _state(widget: str, value: dict[str, Any]) -> WidgetState:
    state = WidgetState(id=widget)
    for field, content in value.items():
        if field == "string_array_value":
            state.string_array_value.data.extend(content)
        else:
            setattr(state, field, content)
    return state


def committed(home, round_id):
    """Every guess that the file holds."""
    with closing(Store(home / "runs.sqlite3")) as store, store.transaction() as db:
        rows = db.execute("SELECT visitor, arm, points, seed FROM guesses WHERE round = ?", (round_id,)).fetchall()
        names = {player.visitor: player.nickname for player in store.rounds.players(round_id)}
    return {names[row["visitor"]]: (row["arm"], row["points"], row["seed"]) for row in rows}


def check(home, round_id, students, before):
    """Nothing that was there or was acknowledged is gone, or is other than what was sent."""
    now = committed(home, round_id)
    assert before.items() <= now.items(), "a guess is gone or has changed"
    sent = {student.name: (student.arm, student.points) for student in students}
    assert all(now[name][:2] == sent[name] for name in now)
    assert {student.name for student in students if student.acknowledged} <= set(now), "an acknowledged guess is lost"
    return now


def a_whole_round(server, home, count, kills):
    rng = np.random.default_rng(5)
    with closing(Store(home / "runs.sqlite3")) as store:
        manager = RunManager(store, 1)
        round_id = Classroom(manager).open("Which twin is ahead?", ARMS)
        manager.shutdown()
    students = [Student(server, place) for place in range(count)]
    before: dict[str, Any] = {}
    server.start()
    for _ in range(kills):
        ends = time.monotonic() + rng.uniform(1.0, 6.0)
        while time.monotonic() < ends:
            for student in rng.permutation(students):
                if time.monotonic() < ends:
                    student.go_on()
        server.kill()
        for student in students:
            student.leave()
        before = check(home, round_id, students, before)
        server.start()
    deadline = time.monotonic() + 60 * count
    while not all(student.is_done for student in students):
        assert time.monotonic() < deadline, [student.name for student in students if not student.is_done]
        for student in students:
            if not student.is_done:
                student.go_on()
    check(home, round_id, students, before)
    return round_id, students


def board_is_compare(server, home, round_id, count):
    """Once the host has closed and revealed; before, the board tells nobody what pairs have come to."""
    with closing(Store(home / "runs.sqlite3")) as store:
        manager = RunManager(store, 1)
        for step in (Classroom(manager).close, Classroom(manager).reveal):
            step(round_id)
        manager.shutdown()
        board = Board.read(store, round_id)
        assert len(board.stored) == 2 * count and {run.status for run in board.stored} <= set(ENDED)
        (found,) = comparisons(board)
        assert found.test.n == found.planned == count
        names = board.experiment.names
        said = verdict(found, names[0], names[1])
    pages = [
        Peer(server).open(f"round={round_id}", page="round"),
        Peer(server).open(f"experiment={round_id}", "compare"),
    ]
    for page in pages:
        assert said in page.text.replace("\\302\\267", "·").replace("\\303\\227", "×"), page.text[:2000]
        page.close()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("count", "kills"), [(5, 4), (30, 20)])
def test_a_class_whose_server_is_killed_loses_no_guess_and_sees_compares_verdict(tmp_path, count, kills):
    server = Dashboard(tmp_path, VIT_LAB_CLASS="1")
    round_id, students = a_whole_round(server, tmp_path, count, kills)
    board_is_compare(server, tmp_path, round_id, count)
    for student in students:
        student.leave()
    with closing(Store(tmp_path / "runs.sqlite3")) as store:
        runs = wait_for(lambda: store.runs(experiment=round_id))
        assert {run.owner for run in runs} == set(store.rounds.seeds(round_id))
    server.kill()  # connections that were cut leave lines in the terminal, which `stop` would object to
