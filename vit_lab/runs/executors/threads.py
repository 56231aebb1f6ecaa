"""Workers in threads of this process: they start at once, and share its memory.

For a notebook, for tests, and for a machine on which a second copy of torch is too much. While this process does
something else in Python, runs wait (docs/decisions/015); a thread cannot be killed, and dies with the process.
"""

import sys
import threading
import time

from vit_lab import paths
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.runs.executors.messages import TrainRun
from vit_lab.runs.store import Store


class ThreadExecutor:
    """Starts worker threads, as many as there are cores. `train` is what they train with, if not `train_here`."""

    trains_elsewhere = False

    def __init__(self, train: TrainRun | None = None):
        self._train = train

    def most(self) -> int:
        """One run a core."""
        return usable_cores()

    def workers(self, runs: int) -> int:
        """One for each run."""
        return runs

    def start(self, server: str) -> "WorkerThread":
        """A thread that works for a server. Raises StoreError or RuntimeError if it cannot be started."""
        return WorkerThread(server, self._train)


class WorkerThread:
    """Works for a server until it is ended; see `StartedWorker`. It has a store, and so a name, of its own."""

    def __init__(self, server: str, train: TrainRun | None = None):
        from vit_lab.runs.executors.worker import Worker  # imports torch

        self._started = time.monotonic()
        self._store = Store(paths.database())
        self._worker = Worker(self._store, server, train or _train_here())
        self._how = "(its thread has returned)"
        self._thread = threading.Thread(target=self._work, name="vit-lab-worker", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._store.close()
            raise

    @property
    def name(self) -> str:
        """That of its store."""
        return self._store.presence.name

    @property
    def problem(self) -> str:
        """What keeps it from working."""
        return self._worker.problem

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._started

    @property
    def how_it_ended(self) -> str | None:
        """By what it was broken, if it was."""
        return None if self._thread.is_alive() else self._how

    def call(self) -> None:
        """There may be something in the queue."""
        self._worker.call()

    def end(self) -> None:
        """Ask it to checkpoint its run and to end."""
        self._worker.end()

    def wait(self, seconds: float) -> None:
        """Give it so long to end. One that has not is left behind: it writes nothing more once its run is resumed."""
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            self._worker.work()
        except BaseException as error:  # one that breaks is replaced
            self._how = f"({type(error).__name__}); the terminal of the lab says more"
            sys.excepthook(*sys.exc_info())
        finally:
            self._store.close()


def _train_here() -> TrainRun:
    from vit_lab.runs.executors.follow import train_here  # imports torch

    return train_here
