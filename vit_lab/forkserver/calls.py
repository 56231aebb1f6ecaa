"""A function computed in a process of its own, which may take so much memory and time and no more.

What a page computes depends on its address, which anybody can write. In the server's own process, one such address
would take the memory of everybody's runs, and keep it.
"""

import os
import pickle
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from vit_lab.forkserver.client import Child, start
from vit_lab.named import function_named

NO_MEMORY, MESSAGES = "no memory", ("can't allocate memory", "not enough memory", "bad_alloc", "Cannot allocate")
TARGET = "vit_lab.forkserver.calls:answer"
_turns = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1)))  # more at once would only be slower, each


class TooMuchError(Exception):
    """A computation that would take too much memory or time. The message says which, in words that follow "it"."""


class CannotStartError(Exception):
    """Just now no process can be started that would compute it; in a moment one may be."""


def compute(target: str, *arguments: object, seconds: float, memory: int) -> Any:
    """What a function, "module:name", returns, computed elsewhere; what it raises is raised here.

    Arguments and result must be picklable. The module is imported there alone, and so is torch.

    Args:
        seconds: from its start to its end; waiting for a turn is not counted.
        memory: bytes, beyond what a process that has loaded torch takes anyway. Only Linux keeps to it.

    Raises TooMuchError and CannotStartError.
    """
    asked = pickle.dumps((target, arguments, memory))
    with _turns:
        try:
            child = start(TARGET)
            _ = child.pid  # before that, nothing could end it, nor would its time count
        except OSError as error:
            raise CannotStartError(str(error)) from error
        try:
            send(child, asked)
            answer = _receive(child, seconds)
        finally:
            child.kill()
    if answer is None:
        raise TooMuchError(f"takes more than {seconds:.0f} seconds")
    if not answer:  # ended from outside, as happens when memory runs out
        raise TooMuchError("takes more memory than there is")
    try:
        is_result, found = pickle.loads(answer)
    except (pickle.UnpicklingError, EOFError):  # cut short
        raise TooMuchError("takes more memory than there is") from None
    if is_result:
        return found
    raise TooMuchError("takes more memory than there is") if found == NO_MEMORY else found


def answer() -> None:
    """The inside of the process: read a question from stdin, and write what comes of it to stdout."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    target, arguments, memory = pickle.loads(sys.stdin.buffer.read())
    keep_to(memory)
    said: tuple[bool, Any]
    try:
        said = True, function_named(target)(*arguments)
    except Exception as error:
        said = False, NO_MEMORY if lacks_memory(error) else carried(error)
    with os.fdopen(out, "wb") as answers:
        answers.write(pickle.dumps(said))


def carried(error: Exception) -> Exception:
    """The error if it survives being carried; its words if not."""
    try:
        carried: Exception = pickle.loads(pickle.dumps(error))
        return carried
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def lacks_memory(error: Exception) -> bool:
    """Whether it was raised because memory has run out, by Python, or by torch, which has no class for that."""
    return isinstance(error, MemoryError) or any(word in str(error) for word in MESSAGES)


def keep_to(memory: int) -> None:
    """Let this process take so many bytes beyond what it has; only Linux does."""
    limit(data_bytes() + memory)


def data_bytes() -> int:
    """What this process has taken; 0 where the system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    with Path("/proc/self/status").open(encoding="ascii") as told:
        return 1024 * next(int(line.split()[1]) for line in told if line.startswith("VmData"))


def limit(memory: int) -> None:
    """Let this process take so many bytes in all; only Linux does."""
    if sys.platform.startswith("linux"):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, hard))


def send(child: Child, asked: bytes) -> None:
    """Give a child all that it reads from its stdin."""
    assert child.stdin is not None
    with suppress(OSError):  # it has ended, which its answer says
        child.stdin.buffer.write(asked)  # type: ignore[attr-defined]
        child.stdin.close()


def _receive(child: Child, seconds: float) -> bytes | None:
    """All that a child writes; None if that takes too long."""
    assert child.stdout is not None
    heard: list[bytes] = []
    stream = child.stdout.buffer  # type: ignore[attr-defined]
    reader = threading.Thread(target=lambda: heard.append(stream.read()), daemon=True)
    reader.start()
    reader.join(seconds)
    return heard[0] if heard else None
