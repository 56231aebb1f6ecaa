"""A function computed in a process of its own, which may take so much memory and time and no more.

What a page computes depends on its address, which anybody can write. In the server's own process, one such address
would take the memory of everybody's runs, and keep it.
"""

import os
import pickle
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from vit_lab.forkserver.client import Child, start

CHUNK = 2**16
NO_MEMORY, MESSAGES = "no memory", ("can't allocate memory", "not enough memory", "bad_alloc", "Cannot allocate")
TARGET = "vit_lab.forkserver.calls:answer"
_turns = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1)))  # more at once would only be slower, each


class TooMuchError(Exception):
    """A computation that would take too much memory or time. The message says which, in words that follow "it"."""


def function_of(target: str) -> Callable[..., Any]:
    """The function that "module:name" names; its module is imported only now."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def compute(target: str, *arguments: object, seconds: float, memory: int) -> Any:
    """What a function, "module:name", returns, computed elsewhere; what it raises is raised here.

    Arguments and result must be picklable. The module is imported there alone, and so is torch.

    Args:
        seconds: from its start to its end; waiting for a turn is not counted.
        memory: bytes, beyond what a process that has loaded torch takes anyway. Only Linux keeps to it.

    Raises TooMuchError, and OSError if no process can be started.
    """
    asked = pickle.dumps((target, arguments, memory))
    with _turns:
        child = start(TARGET)
        try:
            _send(child, asked)
            answer = _receive(child, time.monotonic() + seconds)
        finally:
            child.kill()
    if answer is None:
        raise TooMuchError(f"takes more than {seconds:.0f} seconds")
    if not answer:  # ended from outside, as happens when memory runs out
        raise TooMuchError("takes more memory than there is")
    is_result, found = pickle.loads(answer)
    if is_result:
        return found
    raise TooMuchError("takes more memory than there is") if found == NO_MEMORY else found


def answer() -> None:
    """The inside of the process: read a question from stdin, and write what comes of it to stdout."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    target, arguments, memory = pickle.loads(sys.stdin.buffer.read())
    _keep_to(memory)
    said: tuple[bool, Any]
    try:
        said = True, function_of(target)(*arguments)
    except MemoryError:
        said = False, NO_MEMORY
    except Exception as error:
        said = False, NO_MEMORY if any(word in str(error) for word in MESSAGES) else error
    with os.fdopen(out, "wb") as answers:
        answers.write(pickle.dumps(said))


def _keep_to(memory: int) -> None:
    if sys.platform.startswith("linux"):
        import resource

        with Path("/proc/self/status").open(encoding="ascii") as told:
            data = next(int(line.split()[1]) for line in told if line.startswith("VmData"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (1024 * data + memory, hard))


def _send(child: Child, asked: bytes) -> None:
    assert child.stdin is not None
    with suppress(OSError):  # it has ended, which its answer says
        child.stdin.buffer.write(asked)  # type: ignore[attr-defined]
        child.stdin.close()


def _receive(child: Child, deadline: float) -> bytes | None:
    """All that a child writes; None if that takes too long."""
    assert child.stdout is not None
    ready, heard = select.poll(), b""
    ready.register(child.stdout.fileno(), select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not ready.poll(1000 * left):
            return None
        chunk = os.read(child.stdout.fileno(), CHUNK)
        if not chunk:
            return heard
        heard += chunk
