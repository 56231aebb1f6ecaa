"""A companion stays, answers one question after the other, and is another process after a bad one."""

import threading

import pytest

from vit_lab.forkserver import companion
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.forkserver.companion import Companion
from vit_lab.settings import ConfigError

MEMORY = 2**30


@pytest.fixture
def ask():
    """Asks one companion."""
    companion = Companion()

    def asking(target, *arguments, seconds=60.0, memory=MEMORY):
        return companion.ask(f"children:{target}", *arguments, seconds=seconds, memory=memory)

    yield asking
    companion.end()


def test_one_process_answers_question_after_question(ask):
    assert [ask("how_often") for _ in range(3)] == [1, 2, 3]


def test_what_a_function_raises_is_raised_and_the_process_goes_on(ask):
    assert ask("how_often") == 1
    with pytest.raises(ConfigError, match="depth: is broken"):
        ask("refuse")
    assert ask("how_often") == 2


def test_what_takes_too_long_is_ended_and_the_next_question_is_answered_anew(ask):
    assert ask("how_often") == 1
    with pytest.raises(TooMuchError, match="takes more than 1 seconds"):
        ask("sleep", 60, seconds=1.0)
    assert ask("how_often") == 1


def test_a_process_that_has_ended_is_replaced_within_the_question(ask):
    with pytest.raises(TooMuchError, match="takes more memory than there is"):
        ask("vanish")
    assert ask("how_often") == 1


@pytest.mark.skipif(not companion.sys.platform.startswith("linux"), reason="only Linux keeps to it")
def test_memory_that_earlier_questions_hold_is_given_back_when_it_runs_out(ask):
    assert ask("keep", 300, memory=2**29) and ask("keep", 300, memory=2**29), "the second in another process"
    with pytest.raises(TooMuchError, match="takes more memory than there is"):
        ask("take", 4096, memory=2**29)


def test_several_ask_at_once_and_each_gets_their_own(ask):
    got = {}
    askers = [threading.Thread(target=lambda n=n: got.update({n: ask("give_back", n)})) for n in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert got == {n: n for n in range(8)}


def test_where_no_process_can_be_started_it_says_so(monkeypatch):
    def fails(*_):
        raise OSError("no process was started")

    monkeypatch.setattr(companion, "start", fails)
    with pytest.raises(CannotStartError, match="no process was started"):
        Companion().ask("children:give_back", 1, seconds=1.0, memory=MEMORY)
