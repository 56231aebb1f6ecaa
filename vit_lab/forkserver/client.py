"""Processes of the lab's own: `start` runs a function in a new one, at once where the system can fork (server.py).

Elsewhere each process is a new Python, which imports everything again.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

CAN_FORK = sys.platform.startswith("linux")  # on macOS the system's own libraries do not survive a fork
PRELOAD = (
    "vit_lab.runs.executors.worker_main",
    "vit_lab.forkserver.calls",
    "vit_lab.training.first_look",
    "vit_lab.training.cost",
    "vit_lab.forkserver.companion",
    "vit_lab.training.glances",
    "vit_lab.training.replay",
)
KEPT = "vit_lab.data.images:keep", "mnist-10k"  # called once: what most children read
PID_SECONDS = 30.0  # for a fork server to load torch, on a slow machine
KILLED = -9
# A new Python imports what this one does, wherever that has found it; -P: not whatever lies in the current folder.
FORK_SERVER = "from vit_lab.forkserver.server import main; main(int(sys.argv[1]), sys.argv[2].split(), *sys.argv[3:])"
NEW_PYTHON = "from vit_lab.named import function_named; function_named(sys.argv[1])(*sys.argv[2:])"


class Child(Protocol):
    """A started process: what `subprocess.Popen` offers, as far as it is needed."""

    stdin: IO[str] | None
    stdout: IO[str] | None

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Its exit code, negative if a signal ended it; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit code. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it at once."""


def start(target: str, *arguments: str) -> Child:
    """Run a function, "module:name", in a process of its own; its stdin and stdout are text pipes.

    It has this process's environment, paths and current folder. Ctrl-C in a terminal does not reach it: that is for
    this process, which decides what it means. Raises OSError if no process can be started.
    """
    if CAN_FORK:
        return _fork_server().start(target, *arguments)
    return subprocess.Popen(
        _python(NEW_PYTHON, target, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        bufsize=1,
        process_group=0 if os.name == "posix" else None,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same, on Windows
    )


def warm_up() -> None:
    """Have imported and read what children need, before the first is started."""
    if CAN_FORK:
        with suppress(OSError):  # whoever needs a child is told
            _fork_server()


_servers: list["ForkServer"] = []
_changing = threading.Lock()


def _fork_server() -> "ForkServer":
    """The one of this process; another if that has ended."""
    with _changing:
        if not _servers or _servers[-1].has_ended:
            _servers[:] = [ForkServer()]
        return _servers[-1]


def _python(program: str, *arguments: str) -> list[str]:
    path = f"import sys; sys.path[:] = {sys.path!r}; "
    return [sys.executable, "-P", "-c", path + program, *arguments]


class ForkServer:
    """The fork server of this process, seen from here. It ends with this process. Raises OSError."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                _python(FORK_SERVER, str(theirs.fileno()), " ".join(PRELOAD), *KEPT),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it can start nothing any more."""
        return self._process.poll() is not None

    def start(self, target: str, *arguments: str) -> "Forked":
        """Fork a child that calls a function; see `start`."""
        request = {
            "target": target,
            "arguments": arguments,
            "environment": dict(os.environ),
            "path": sys.path,
            "folder": str(Path.cwd()),
        }
        (stdin, to_child), (from_child, stdout), (status, ends) = os.pipe(), os.pipe(), os.pipe()
        try:
            with suppress(ConnectionError):  # it has ended, which its child says
                socket.send_fds(self._control, [json.dumps(request).encode()], [stdin, stdout, ends])
        finally:
            for theirs in (stdin, stdout, ends):
                os.close(theirs)
        return Forked(self, to_child, from_child, status)

    def kill(self, pid: int) -> None:
        """End a child at once, unless it has ended."""
        with suppress(ConnectionError):
            self._control.send(json.dumps({"kill": pid}).encode())

    def exit_code(self) -> int:
        """How a child ended of which nothing was said, because the fork server itself has ended."""
        try:
            return self._process.wait(1.0) or KILLED
        except subprocess.TimeoutExpired:  # it goes on, but could not fork
            return 1


class Forked:
    """A child of the fork server; see `Child`."""

    def __init__(self, server: ForkServer, stdin: int, stdout: int, status: int):
        self.stdin: IO[str] | None = open(stdin, "w", buffering=1, encoding="utf-8")  # noqa: SIM115 - as Popen's
        self.stdout: IO[str] | None = open(stdout, encoding="utf-8")  # noqa: SIM115
        self._server = server
        self._status = open(status, "rb", buffering=0)  # noqa: SIM115
        self._said = b""  # the process id, and later on the exit code, a line each
        self._pid: int | None = None
        self._code: int | None = None
        self._reading = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id; waits for a fork server that is still loading. Raises OSError if it was never started."""
        self._listen(lambda: self._pid is not None, PID_SECONDS)
        if self._pid is None:
            raise OSError("no process was started")
        return self._pid

    def poll(self) -> int | None:
        """Its exit code, negative if a signal ended it; None while it runs."""
        self._listen(lambda: False, 0.0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit code. Raises subprocess.TimeoutExpired."""
        self._listen(lambda: False, timeout)
        if self._code is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
        return self._code

    def kill(self) -> None:
        """End it at once. One that a slow fork server has still to start ends by itself, for its stdin is closed."""
        self.poll()
        if self._pid is not None and self._code is None:
            self._server.kill(self._pid)

    def _listen(self, is_enough: Callable[[], bool], timeout: float | None) -> None:
        """Hear what the fork server says of this child, until that is enough or it has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._reading:
            ready = select.poll()
            ready.register(self._status, select.POLLIN)
            while self._code is None and not is_enough():
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not ready.poll(None if left is None else 1000 * left):
                    return
                heard = self._status.read(64)
                self._said += heard
                numbers = [int(line) for line in self._said.split(b"\n")[:-1]]
                self._pid = numbers[0] if numbers else None
                self._code = numbers[1] if len(numbers) > 1 else None if heard else self._server.exit_code()
