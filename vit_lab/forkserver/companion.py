"""A process that stays and answers questions one after the other: what it has read for one is there for the next.

For what a page asks at each stroke of a pen: a process for each question (`vit_lab.forkserver.calls`) would read models
and data anew each time.
"""

import os
import pickle
import queue
import sys
import threading
from contextlib import suppress
from typing import IO, Any

from vit_lab.forkserver.calls import NO_MEMORY, CannotStartError, TooMuchError, carried, data_bytes, lacks_memory, limit
from vit_lab.forkserver.client import Child, start
from vit_lab.named import function_named

TARGET = "vit_lab.forkserver.companion:answer_all"


class Companion:
    """Answers whoever asks, in turn. Its process begins with the first question, and is another after a bad one.

    Args:
        nice: how much its process lets others go first.
    """

    def __init__(self, nice: int = 0):
        self._nice = nice
        self._turn = threading.Lock()
        self._child: Child | None = None
        self._said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answered = 0  # by the present process

    def ask(self, target: str, *arguments: object, seconds: float, memory: int) -> Any:
        """What a function, "module:name", returns; what it raises is raised here.

        Arguments and result must be picklable. A process that runs out of memory while it holds what others have asked
        for is replaced, and the question asked again.

        Args:
            seconds: to wait for a turn, and once more for the answer.
            memory: bytes that its process may hold, beyond what one takes that has loaded torch, on Linux.

        Raises TooMuchError and CannotStartError.
        """
        if not self._turn.acquire(timeout=seconds):
            raise TooMuchError(f"takes more than {seconds:.0f} seconds, for others have asked for much")
        try:
            held = self._answered > 0 and self._child is not None
            try:
                return self._ask(target, arguments, seconds, memory)
            except _NoMemoryError:
                if held:
                    with suppress(_NoMemoryError):
                        return self._ask(target, arguments, seconds, memory)
                raise TooMuchError("takes more memory than there is") from None
        finally:
            self._turn.release()

    def end(self) -> None:
        """End its process at once; the next question starts another."""
        child, self._child = self._child, None
        self._answered = 0
        if child is not None:
            child.kill()

    def _ask(self, target: str, arguments: tuple[object, ...], seconds: float, memory: int) -> Any:
        child = self._child or self._begin()
        assert child.stdin is not None
        question = pickle.dumps((target, arguments, memory))
        with suppress(OSError):  # it has ended, which its answer says
            child.stdin.buffer.write(question)  # type: ignore[attr-defined]
            child.stdin.buffer.flush()  # type: ignore[attr-defined]
        try:
            answer = self._said.get(timeout=seconds)
        except queue.Empty:
            self.end()
            raise TooMuchError(f"takes more than {seconds:.0f} seconds") from None
        if answer is None or answer == (False, NO_MEMORY):  # ended from outside, as happens when memory runs out
            self.end()
            raise _NoMemoryError
        self._answered += 1
        is_result, found = answer
        if is_result:
            return found
        raise found

    def _begin(self) -> Child:
        try:
            child = start(TARGET, str(self._nice))
            _ = child.pid  # before that, nothing could end it
        except OSError as error:
            raise CannotStartError(str(error)) from error
        assert child.stdout is not None
        self._said = queue.SimpleQueue()
        reader = threading.Thread(target=_hear, args=(child.stdout, self._said), name="vit-lab-companion", daemon=True)
        reader.start()
        self._child, self._answered = child, 0
        return child


class _NoMemoryError(Exception):
    """The process has run out of memory, or was ended."""


def _hear(stdout: IO[str], said: "queue.SimpleQueue[Any]") -> None:
    """Pass on each answer of a process; None when there will be no other."""
    with suppress(EOFError, pickle.UnpicklingError, OSError, ValueError):
        while True:
            said.put(pickle.load(stdout.buffer))  # type: ignore[attr-defined]
    said.put(None)


def answer_all(nice: str = "0") -> None:
    """The inside of the process: read question after question from stdin, and write what comes of each to stdout."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    if hasattr(os, "nice"):
        os.nice(int(nice))
    before = data_bytes()
    with os.fdopen(out, "wb") as answers, suppress(BrokenPipeError):
        while True:
            try:
                target, arguments, memory = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            limit(before + memory)
            try:
                said = pickle.dumps((True, function_named(target)(*arguments)))
            except Exception as error:
                said = pickle.dumps((False, NO_MEMORY if lacks_memory(error) else carried(error)))
            answers.write(said)
            answers.flush()
