"""A worker: trains the queued runs of one server or command, one at a time, until it is told to end.

A run that is paused or stopped leaves a checkpoint, and its worker goes on with the next in the queue; resuming queues
it again.
"""

import threading
from collections.abc import Callable
from contextlib import closing

from vit_lab import paths
from vit_lab.data.errors import DatasetError
from vit_lab.forkserver.calls import lacks_memory
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.messages import Ended, TrainRun
from vit_lab.runs.executors.sink import Sink
from vit_lab.runs.rates import release
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.checkpoint import CheckpointError

LOOK_SECONDS = 0.5  # how often an idle worker looks into the queue unasked
LONGEST_WHY = 200  # characters of an unexpected error


class Worker:
    """Has what is queued for `server` in `store` trained by `train`. `told` hears of every change of `problem`."""

    def __init__(
        self,
        store: Store,
        server: str,
        train: TrainRun,
        told: Callable[[str], None] = lambda problem: None,
    ):
        self.store, self.server = store, server
        self.problem = ""  # what keeps it from working, as one sentence
        self._train, self._told = train, told
        self._called, self._ending = threading.Event(), threading.Event()

    def call(self) -> None:
        """There may be something in the queue."""
        self._called.set()

    def end(self) -> None:
        """Checkpoint the run at hand, mark it interrupted, and return from `work`."""
        self._ending.set()
        self._called.set()

    def work(self) -> None:
        """Train run after run, until told to end."""
        while not self._ending.is_set():
            try:
                run = self.store.queue.take(self.server)
            except StoreError as error:
                self._wait_out(error)
                continue
            self._say("")
            if run is None:
                self._wait()
            else:
                self.finish(run)

    def finish(self, run: RunRecord) -> None:
        """Train one run that was taken, and write down how it ended."""
        self._write_end(run, self.train(run))

    def train(self, run: RunRecord) -> Ended:
        """Train one run that was taken until it ends or is asked to; returns how it ended."""
        sink = Sink(self.store, run, self._ending.is_set)
        try:
            checkpoint, snapshots = sink.latest_checkpoint(), sink.snapshots_to_keep()
            messages = self._train(run.config, checkpoint, sink.wish, run.wall_seconds, snapshots)
            with closing(messages):
                return sink.write(messages)
        except Exception as error:  # a defect, or no memory, too: the run's record must survive it
            return Ended(Status.FAILED, _why(error))

    def _write_end(self, run: RunRecord, ended: Ended) -> None:
        """Write down how a run ended, for as long as it takes: no record stays `running` over a full disk."""
        while True:
            try:
                self.store.end(run.id, ended.status, ended.error, run.turn)
                if run.pilot:
                    release(self.store, run.experiment)
                self._say("")
                return
            except StoreError as problem:
                if self._ending.is_set():
                    return
                self._wait_out(problem)

    def _wait_out(self, error: StoreError) -> None:
        self._say(str(error))
        self._wait()

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._told(problem)

    def _wait(self) -> None:
        self._called.wait(LOOK_SECONDS)
        self._called.clear()


def _why(error: Exception) -> str:
    """Why a run failed, in a sentence."""
    if isinstance(error, ConfigError | DatasetError | CheckpointError | StoreError):
        return str(error)
    if isinstance(error, OSError):
        where = error.filename or paths.home()
        return f"{error.strerror or error}: {where}; free some space or mend it, then resume"
    if lacks_memory(error):
        return "there is not enough memory for a step; choose a smaller batch, fewer blocks or larger patches"
    said = str(error).splitlines()[0][:LONGEST_WHY] if str(error) else "no message"
    return f"{type(error).__name__}: {said}"
