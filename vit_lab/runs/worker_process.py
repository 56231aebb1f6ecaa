"""A worker in a process of its own, seen from whoever started it (see `vit_lab.runs.worker`)."""

import subprocess
import sys
import threading
import time
from contextlib import suppress

# A worker imports what its server does, wherever that has found it; -P: not whatever lies in the current folder first.
START = "import sys; sys.path[:] = sys.argv[2:]; from vit_lab.runs.worker import main; main(sys.argv[1])"


class WorkerProcess:
    """Works for a server until it is ended. Raises OSError if no process can be started.

    Attributes:
        name: under which the store knows it; empty until it is up.
        problem: what keeps it from working, as one sentence; empty if nothing does.
    """

    def __init__(self, server: str):
        self.name = self.problem = ""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, server, *sys.path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1,
            process_group=0,  # Ctrl-C in a terminal is for the server, which decides what it means
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same, on Windows
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; what it had to say has been heard before it is anything else."""
        code = self._process.poll()
        if code is not None:
            self._listener.join()
        return code

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._started

    def call(self) -> None:
        """There may be something in the queue."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended
            self._process.stdin.write("\n")

    def end(self) -> None:
        """Ask it to checkpoint its run and to end."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Give it so long to end; kill it if it has not."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self.name = self._process.stdout.readline().strip()
        for line in self._process.stdout:
            self.problem = line.strip()
