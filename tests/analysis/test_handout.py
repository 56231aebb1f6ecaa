"""The handout of a round: whole in one file, without names unless they are wanted, equal to what was on the board."""

import html
import re

import pandas as pd
import pytest
from tiny import tiny

from vit_lab.analysis.comparison import verdict
from vit_lab.analysis.guesses import ahead, comparisons
from vit_lab.analysis.handout import handout
from vit_lab.events import Finished
from vit_lab.runs.classroom import Board, Classroom
from vit_lab.runs.manager import RunManager
from vit_lab.runs.ready_rounds import READY
from vit_lab.runs.states import Status

ARMS = [tiny(scheme=scheme) for scheme in ("linear-default", "xavier")]
CURVE = pd.DataFrame({"step": [0, 10], "seconds": [0.0, 1.0], "value": [0.1, 0.5]})


@pytest.fixture
def manager(store, monkeypatch):
    manager = RunManager(store, 1)
    monkeypatch.setattr(manager._pool, "call", lambda: None)
    return manager


def played(manager, question, arms, students=3):
    """A round that some students have taken part in, closed, with all pairs trained."""
    round_id = Classroom(manager).open(question, arms)
    for place in range(students):
        one = Classroom(manager.as_visitor(f"v{place}"))
        one.join(round_id, f"Student {place}")
        one.commit(round_id, int(place > 0), 2.0 * place)
    for run in manager.store.runs(experiment=round_id):
        accuracy = 0.5 + run.arm * (0.03 + 0.01 * run.config.seed)
        done = Finished(
            step=10, test_loss=1.0, test_accuracy=accuracy, best_step=1, best_val_accuracy=0.5, best_test_accuracy=0.5
        )
        manager.store.append(run.id, [(1.0, done)], 1.0, 1.0)
        manager.store.end(run.id, Status.FINISHED)
    Classroom(manager).close(round_id)
    return Board.read(manager.store, round_id)


def written(board, **options):
    return handout(board, {run.id: CURVE for run in board.experiment.proper}, **options)


def test_it_asks_for_nothing_from_a_network_and_holds_all_that_came_out(manager):
    board = played(manager, "Which twin <wins> & why?", ARMS)
    text = written(board)
    assert "Which twin &lt;wins&gt; &amp; why?" in text and "<wins>" not in text
    assert not re.findall(r'(?:src|href)="', text) and text.count("<svg") == 2
    (found,) = comparisons(board)
    names = board.experiment.names
    assert verdict(found, names[0], names[1]) in html.unescape(text)
    assert "3 guesses: 2 that B ends ahead, 1 that A does. 2 of 3 guessed" in text
    assert text.count("<li>") == 3


def test_it_has_the_command_that_repeats_it(manager):
    text = html.unescape(written(played(manager, "Which?", ARMS)))
    command = re.search(r"<code>(.*?)</code>", text)[1]
    assert command.startswith("python -m vit_lab compare --arm linear-default --arm xavier --seeds 3 ")


def test_nobody_is_named_unless_it_is_wanted(manager):
    board = played(manager, "Which?", ARMS)
    assert "Student 1" not in written(board) and "Student 1" in written(board, names=True)


@pytest.mark.parametrize("students", [0, 1])
def test_it_is_written_also_of_a_round_that_few_or_none_took_part_in(manager, students):
    text = written(played(manager, "Which?", ARMS, students))
    assert ("No pair has been trained." in text) == (students == 0)


def test_a_ready_round_has_its_own_things_to_take_away(manager):
    ready = READY["variance"]
    board = played(manager, ready.question, ready.configs, 1)
    assert all(sentence in html.unescape(written(board)) for sentence in ready.takeaways)


@pytest.mark.parametrize(("points", "said"), [(3.24, "B +3.2"), (-0.06, "A +0.1"), (0.04, "even"), (None, "–")])
def test_a_difference_is_told_by_who_is_ahead(points, said):
    assert ahead(points) == said
