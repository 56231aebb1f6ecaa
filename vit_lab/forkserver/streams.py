"""A generator function computed in a process of its own: what it yields comes one by one, and it can be ended.

For what takes longer than a figure may (`vit_lab.forkserver.calls`): it says how far it is, and somebody may not want
to wait.
"""

import os
import pickle
import sys
from collections.abc import Iterator
from typing import Any

from vit_lab.forkserver.calls import NO_MEMORY, CannotStartError, TooMuchError, carried, keep_to, lacks_memory, send
from vit_lab.forkserver.client import start
from vit_lab.named import function_named

NICE = 10  # pages come first
TARGET = "vit_lab.forkserver.streams:answer_each"


class Stream(Iterator[Any]):
    """What a generator function, "module:name", yields; what it raises is raised here.

    Arguments and what is yielded must be picklable. One thread iterates; any may `end` it.

    Args:
        memory: bytes, beyond what a process that has loaded torch takes anyway. Only Linux keeps to it.

    Raises CannotStartError; iterating raises TooMuchError if there is not enough memory, or it was ended.
    """

    def __init__(self, target: str, *arguments: object, memory: int):
        try:
            self._child = start(TARGET)
            _ = self._child.pid  # before that, nothing could end it
        except OSError as error:
            raise CannotStartError(str(error)) from error
        send(self._child, pickle.dumps((target, arguments, memory)))

    def __next__(self) -> Any:
        assert self._child.stdout is not None
        try:
            is_yielded, found = pickle.load(self._child.stdout.buffer)  # type: ignore[attr-defined]
        except (EOFError, pickle.UnpicklingError):  # it was ended, by whomever
            self.end()
            raise TooMuchError("takes more memory than there is") from None
        if is_yielded:
            return found
        self.end()
        if found is None:
            raise StopIteration
        raise TooMuchError("takes more memory than there is") if found == NO_MEMORY else found

    def end(self) -> None:
        """End the process at once. May be repeated."""
        self._child.kill()


def answer_each() -> None:
    """The inside of the process: read a question from stdin, and write to stdout what comes of it, each at once.

    Whoever asked may be gone: then writing fails, and that ends it.
    """
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    target, arguments, memory = pickle.loads(sys.stdin.buffer.read())
    keep_to(memory)
    if hasattr(os, "nice"):
        os.nice(NICE)
    with os.fdopen(out, "wb") as answers:

        def say(is_yielded: bool, found: object) -> None:
            answers.write(pickle.dumps((is_yielded, found)))
            answers.flush()

        try:
            for found in function_named(target)(*arguments):
                say(True, found)
        except BrokenPipeError:
            return
        except Exception as error:
            say(False, NO_MEMORY if lacks_memory(error) else carried(error))
        else:
            say(False, None)
