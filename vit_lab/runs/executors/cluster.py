"""Runs on the machines of a Ray cluster, seen from the server: one process speaks with the cluster, for all runs.

So the server needs neither ray nor torch in its memory, and is still the only machine that writes its database. What
happens inside of that process: `vit_lab.runs.executors.cluster_main`.
"""

import subprocess
from contextlib import suppress
from importlib.util import find_spec

from vit_lab.runs.executors.processes import KILL_SECONDS, WorkerProcess
from vit_lab.settings import ConfigError

ENDED_BY_RAY = 1  # how Ray ends a process whose cluster does not answer
LOST = "the Ray cluster does not answer any more; runs go on from their last checkpoint when it is back"


class ClusterExecutor:
    """Starts the one process that has runs trained on a cluster, as many at once as that has places.

    Raises ConfigError if Ray is not installed.
    """

    trains_elsewhere = True

    def __init__(self) -> None:
        if find_spec("ray") is None:
            raise ConfigError("executor", "ray is not installed here; pip install '.[ray]', or choose processes")
        self._worker: ClusterProcess | None = None

    @property
    def places(self) -> int:
        """How many runs the cluster can train at once; 0 until that is known."""
        return self._worker.places if self._worker else 0

    def most(self) -> int:
        """As many as it has places; one until that is known."""
        return max(1, self.places)

    def workers(self, runs: int) -> int:
        """One, if there are any runs."""
        return min(1, runs)

    def start(self, server: str) -> "ClusterProcess":
        """A process that works for a server. Raises OSError or RuntimeError if it cannot be started."""
        self._worker = ClusterProcess(server)
        return self._worker


class ClusterProcess(WorkerProcess):
    """Has runs trained for a server until it is ended; see `StartedWorker`. It also says how many places there are."""

    main = "vit_lab.runs.executors.cluster_main:main"

    def __init__(self, server: str):
        self.places = 0
        super().__init__(server)

    def _listen(self) -> None:
        super()._listen()
        with suppress(subprocess.TimeoutExpired):
            if self.name and not self.problem and self._process.wait(KILL_SECONDS) == ENDED_BY_RAY:
                self.problem = LOST

    def _hear(self, line: str) -> None:
        if line.isdecimal():
            self.places = int(line)
        else:
            super()._hear(line)
