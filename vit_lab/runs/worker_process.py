"""A worker in a process of its own, seen from whoever started it (see `vit_lab.runs.worker`)."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """Works for a server until it is ended. `lost` is called with it and its exit code when it ends, asked or unasked.

    Attributes:
        name: under which the store knows it; empty until it is up.
        problem: what keeps it from working, as one sentence; empty if nothing does.
    """

    def __init__(self, server: str, lost: "Callable[[WorkerProcess, int], None]"):
        self.name = self.problem = ""
        places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vit_lab.runs.worker", server],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
            process_group=0,  # Ctrl-C in a terminal is for the server, which decides what it means
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(lost,), daemon=True).start()

    def call(self) -> None:
        """There may be something in the queue."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, which `lost` hears of
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

    def _listen(self, lost: "Callable[[WorkerProcess, int], None]") -> None:
        assert self._process.stdout is not None
        self.name = self._process.stdout.readline().strip()
        for line in self._process.stdout:
            self.problem = line.strip()
        lost(self, self._process.wait())
