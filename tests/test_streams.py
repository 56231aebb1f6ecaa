"""A stream is computed in a process of its own, says what it finds as it finds it, and ends when it is told to."""

import time

import pytest
from waiting import wait_for

from vit_lab.forkserver import streams
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.forkserver.streams import Stream

MEMORY = 2**30


def test_what_a_generator_yields_comes_one_by_one():
    assert list(Stream("children:yield_then_break", range(3), "", memory=MEMORY)) == [0, 1, 2]


def test_what_it_raises_is_raised_after_what_came_before():
    stream = Stream("children:yield_then_break", range(2), "it broke", memory=MEMORY)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(ValueError, match="it broke"):
        next(stream)


def test_it_ends_at_once_when_it_is_told_to_and_says_so():
    stream = Stream("children:count", None, 10, None, None, memory=MEMORY)
    next(stream)
    stream.end()
    wait_for(lambda: stream._child.poll() is not None, seconds=10)
    with pytest.raises(TooMuchError):
        for _ in stream:
            pass
    stream.end()


def test_a_process_that_nobody_listens_to_any_more_ends():
    stream = Stream("children:count", None, 10, None, None, memory=MEMORY)
    next(stream)
    stream._child.stdout.close()
    wait_for(lambda: stream._child.poll() is not None, seconds=20)


def test_memory_beyond_what_it_may_take_is_told():
    stream = Stream("children:yield_memory", 4096, memory=2**28)
    with pytest.raises(TooMuchError, match="takes more memory than there is"):
        list(stream)


def test_where_no_process_can_be_started_it_says_so(monkeypatch):
    def fails(_):
        raise OSError("no process was started")

    monkeypatch.setattr(streams, "start", fails)
    begun = time.monotonic()
    with pytest.raises(CannotStartError, match="no process was started"):
        Stream("children:count", memory=MEMORY)
    assert time.monotonic() - begun < 5
