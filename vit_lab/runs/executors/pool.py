"""The workers of a server or a command: as many as it has had runs for at once, and replaced when they die."""

import threading
import time

from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.executor import Executor, StartedWorker
from vit_lab.runs.rates import release
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store

SUPERVISE_SECONDS = 0.5  # how soon a death is noticed
LONGEST_PAUSE = 60.0  # between two tries to start a worker, if workers die again and again
HOPELESS = 3  # so many deaths in a row, and nobody left


class WorkerPool:
    """Workers for the runs of `store`, started by `executor`. What goes wrong is tried again, and told as `problem`.

    There are at most `most` of them; if that is None, as many as the executor can have.
    """

    def __init__(self, store: Store, executor: Executor, most: int | None = None):
        self._store, self._executor, self._most = store, executor, most
        self._workers: list[StartedWorker] = []
        self._ready = 0  # workers to have whether there are runs or not
        self._trouble, self._deaths, self._not_before = "", 0, 0.0
        self._has_worked = False  # any of them
        self._changing, self._called = threading.Lock(), threading.Event()
        self._supervisor: threading.Thread | None = None
        self.is_ending = False  # from the first call of `end` on

    @property
    def most(self) -> int:
        """How many runs train at once at most."""
        return self._most or self._executor.most()

    def prepare(self, workers: int) -> None:
        """Have so many workers before there are runs for them: they may take seconds to start."""
        self._ready = max(self._ready, workers)
        self.call()

    def call(self) -> None:
        """There may be something in the queue."""
        with self._changing:
            for worker in self._workers:
                worker.call()
            if self._supervisor is None and not self.is_ending:
                self._supervisor = threading.Thread(target=self._supervise, name="vit-lab-pool", daemon=True)
                self._supervisor.start()
        self._called.set()

    @property
    def problem(self) -> str:
        """What holds training up, as one sentence; empty if nothing does."""
        with self._changing:
            return next((worker.problem for worker in self._workers if worker.problem), self._trouble)

    @property
    def is_hopeless(self) -> bool:
        """Whether no worker is left, and several in a row have died soon after their start.

        A cluster that has been there once may come back.
        """
        may_return = self._executor.trains_elsewhere and self._has_worked
        return not self._workers and self._deaths >= HOPELESS and not may_return

    def end(self, timeout: float) -> None:
        """End all workers. One that takes more than `timeout` seconds is given up; its run has its last checkpoint."""
        with self._changing:
            self.is_ending = True
            workers, self._workers = self._workers, []
        self._called.set()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait(max(0.0, deadline - time.monotonic()))
        if self._supervisor is not None:
            self._supervisor.join(max(0.0, deadline - time.monotonic()))

    def _supervise(self) -> None:
        while not self.is_ending:
            try:
                self._remove_dead()
                self._start_missing()
            except Exception as error:  # a defect, too, must not end the supervision
                self._trouble = str(error) or type(error).__name__
            self._called.wait(SUPERVISE_SECONDS)
            self._called.clear()

    def _remove_dead(self) -> None:
        for worker in list(self._workers):
            how = worker.how_it_ended
            if how is None:
                continue
            if worker.name:
                self._has_worked = True
                self._end_runs_of(worker.name, f"the worker that trained it was ended {how}")
            with self._changing:
                if self.is_ending:
                    return
                self._workers.remove(worker)
            what = "was ended" if worker.name else "did not start"
            self._pause(worker.problem or f"a worker {what} {how}", worker.seconds)

    def _end_runs_of(self, worker: str, why: str) -> None:
        goes_on = self._executor.trains_elsewhere
        for run in self._store.runs_of_worker(worker):
            if goes_on:  # or is as somebody has asked meanwhile
                self._store.end(run.id, Status(run.request or Status.QUEUED), None, run.turn)
            else:
                self._store.end(run.id, Status.FAILED, why, run.turn)
        for experiment in self._store.waiting_experiments():  # the worker may have been about to release its runs
            release(self._store, experiment)

    def _start_missing(self) -> None:
        wanted = self._executor.workers(min(self.most, max(self._ready, self._store.queue.at_work())))
        while len(self._workers) < wanted:
            if time.monotonic() < self._not_before:
                return
            try:
                worker = self._executor.start(self._store.presence.name)
            except StoreError as error:
                self._pause(str(error))
                return
            except (OSError, RuntimeError) as error:  # no process, or no thread to listen to it
                why = getattr(error, "strerror", None) or error
                self._pause(f"no worker can be started ({why}); close other programs")
                return
            with self._changing:
                if not self.is_ending:
                    self._workers.append(worker)
                    continue
            worker.end()
            worker.wait(SUPERVISE_SECONDS)
            return
        if all(worker.name for worker in self._workers):
            self._trouble = ""

    def _pause(self, why: str, lived: float = 0.0) -> None:
        """Wait longer and longer before the next start: a machine without memory must not fail a whole queue."""
        self._trouble = why
        self._deaths = 1 if lived > LONGEST_PAUSE else self._deaths + 1
        self._not_before = time.monotonic() + min(2.0 ** (self._deaths - 1), LONGEST_PAUSE)
