"""Workers in processes of their own, which drawing pages takes nothing from (docs/decisions/015), seen from the server.

What happens inside of such a process: `vit_lab.runs.executors.worker_main`.
"""

import subprocess
import threading
import time
from contextlib import suppress

from vit_lab.forkserver import client
from vit_lab.runs.executors.executor import usable_cores

KILL_SECONDS = 1.0  # for the system to end a process


class ProcessExecutor:
    """Starts worker processes, as many as there are cores."""

    trains_elsewhere = False

    def most(self) -> int:
        """One run a core."""
        return usable_cores()

    def workers(self, runs: int) -> int:
        """One for each run."""
        return runs

    def start(self, server: str) -> "WorkerProcess":
        """A process that works for a server. Raises OSError or RuntimeError if it cannot be started."""
        return WorkerProcess(server)


class WorkerProcess:
    """Works for a server until it is ended; see `StartedWorker`. `main` names the function that does."""

    main = "vit_lab.runs.executors.worker_main:main"

    def __init__(self, server: str):
        self.name = self.problem = ""
        self._started = time.monotonic()
        self._process = client.start(self.main, server)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def how_it_ended(self) -> str | None:
        """By which signal, or with which exit code. What it had to say has been heard before."""
        code = self._process.poll()
        if code is None:
            return None
        self._listener.join()
        if code < 0:
            remedy = "resume it, or choose a smaller model or batch"
            return f"(signal {-code}), as happens when memory runs out; {remedy}"
        return f"(exit code {code}); the terminal of the lab says more"

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
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(KILL_SECONDS)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self.name = self._process.stdout.readline().strip()
        for line in self._process.stdout:
            self._hear(line.strip())

    def _hear(self, line: str) -> None:
        self.problem = line
