"""The workers of a server or a command: processes, as many as it has had runs for at once, replaced when they die."""

import threading
import time
from contextlib import suppress

from vit_lab.runs.rates import release
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.runs.worker_process import WorkerProcess
from vit_lab.settings import ConfigError

TEND_SECONDS = 0.5  # how soon a death is noticed
LONGEST_PAUSE = 60.0  # between two tries to start a worker, if workers die again and again
HOPELESS = 3  # so many deaths in a row, and nobody left


class Crew:
    """Up to `most` workers for the runs of `store`. All that can go wrong is tried again, and told as `problem`."""

    def __init__(self, store: Store, most: int):
        self._store, self._most = store, most
        self._members: list[WorkerProcess] = []
        self._ready = 0  # workers to have whether there are runs or not
        self._trouble, self._deaths, self._not_before = "", 0, 0.0
        self._changing, self._called = threading.Lock(), threading.Event()
        self._tender: threading.Thread | None = None
        self._ending = False

    def prepare(self, workers: int) -> None:
        """Have so many workers before there are runs for them: they take seconds to start."""
        self._ready = max(self._ready, min(workers, self._most))
        self.call()

    def call(self) -> None:
        """There may be something in the queue."""
        with self._changing:
            for worker in self._members:
                worker.call()
            if self._tender is None and not self._ending:
                self._tender = threading.Thread(target=self._tend, name="vit-lab-crew", daemon=True)
                self._tender.start()
        self._called.set()

    @property
    def problem(self) -> str:
        """What holds training up, as one sentence; empty if nothing does."""
        with self._changing:
            return next((worker.problem for worker in self._members if worker.problem), self._trouble)

    @property
    def is_hopeless(self) -> bool:
        """Whether no worker is left, and several in a row have died soon after their start."""
        return not self._members and self._deaths >= HOPELESS

    def end(self, timeout: float) -> None:
        """End all workers. One that has not ended in time is killed; its run goes on from its last checkpoint."""
        with self._changing:
            self._ending = True
            workers, self._members = self._members, []
        self._called.set()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait(max(0.0, deadline - time.monotonic()))
        if self._tender is not None:
            self._tender.join(max(0.0, deadline - time.monotonic()))

    def _tend(self) -> None:
        while not self._ending:
            try:
                self._clear_up_after_the_dead()
                self._hire()
            except Exception as error:  # a defect, too, must not end the tending
                self._trouble = str(error) or type(error).__name__
            self._called.wait(TEND_SECONDS)
            self._called.clear()

    def _clear_up_after_the_dead(self) -> None:
        for worker in list(self._members):
            code = worker.exit_code
            if code is None:
                continue
            how = _how_it_ended(code)
            if worker.name:
                for run in self._store.runs_of_worker(worker.name):
                    self._store.end(run.id, Status.FAILED, f"the process that trained it was ended {how}", run.turn)
                for experiment in self._store.waiting_experiments():  # it may have been about to
                    with suppress(ConfigError):  # of a run that another version of the lab has left
                        release(self._store, experiment)
            with self._changing:
                if self._ending:
                    return
                self._members.remove(worker)
            what = "was ended" if worker.name else "did not start"
            self._pause(worker.problem or f"a worker {what} {how}", worker.seconds)

    def _hire(self) -> None:
        wanted = min(self._most, max(self._ready, self._store.at_work()))
        while len(self._members) < wanted:
            if time.monotonic() < self._not_before:
                return
            try:
                worker = WorkerProcess(self._store.presence.name)
            except (OSError, RuntimeError) as error:  # no process, or no thread to listen to it
                why = getattr(error, "strerror", None) or error
                self._pause(f"no worker can be started ({why}); close other programs")
                return
            with self._changing:
                if not self._ending:
                    self._members.append(worker)
                    continue
            worker.end()
            worker.wait(TEND_SECONDS)
            return
        if all(worker.name for worker in self._members):
            self._trouble = ""

    def _pause(self, why: str, lived: float = 0.0) -> None:
        """Wait longer and longer before the next start, so that a machine without memory does not fail a whole queue."""
        self._trouble = why
        self._deaths = 1 if lived > LONGEST_PAUSE else self._deaths + 1
        self._not_before = time.monotonic() + min(2.0 ** (self._deaths - 1), LONGEST_PAUSE)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"(signal {-code}), as happens when memory runs out; resume it, or choose a smaller model or batch"
    return f"(exit code {code}); the terminal of the lab says more"
