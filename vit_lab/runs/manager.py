"""What a server or a command does with runs: queues them, passes on wishes, and keeps worker processes for them.

Whose turn it is, says the store. There are as many workers as there are runs for them, and at most as many as cores.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from vit_lab import paths
from vit_lab.runs.experiments import release
from vit_lab.runs.limits import HOST, limits_of, too_long
from vit_lab.runs.records import Kind, NewRun
from vit_lab.runs.states import RESUMABLE, Status
from vit_lab.runs.store import Store, StoreError
from vit_lab.runs.worker_process import WorkerProcess

SHUTDOWN_SECONDS = 3.0  # of the five in which a server should end


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RunManager:
    """Has the runs trained that are submitted to `store`. Call `shutdown` before the process ends."""

    def __init__(self, store: Store, workers: int | None = None):
        self.store = store
        self.workers = workers or usable_cores()
        self._workers: list[WorkerProcess] = []
        self._changing = threading.RLock()
        self._ending = False
        self._no_start = ""  # why the latest worker did not even start

    def submit(self, runs: Sequence[NewRun], kind: Kind = "compare", visitor: str = HOST) -> list[str]:
        """Queue runs; returns their ids. Raises StoreError or ConfigError if that is too much (see `limits`)."""
        ids = self.store.add(runs, kind, visitor)
        for experiment in {run.experiment for run in runs if run.status == Status.WAITING}:
            release(self.store, experiment)
        self._call_workers()
        return ids

    def pause(self, run_id: str, visitor: str = HOST) -> None:
        """Ask a run to stand still; it can be resumed. Like all that follow, raises StoreError if it is not theirs."""
        self.store.request(run_id, Status.PAUSED, visitor)

    def stop(self, run_id: str, visitor: str = HOST) -> None:
        """Ask a run to end where it is. Its checkpoint stays, so a change of mind is possible."""
        self.store.request(run_id, Status.STOPPED, visitor)

    def resume(self, run_id: str, visitor: str = HOST) -> None:
        """Queue a run that stands still, to go on where it was."""
        self.store.refuse_strangers([run_id], visitor)
        run = self.store.run(run_id)
        if run.status in RESUMABLE:
            if run.wall_seconds >= limits_of(visitor).wall_seconds:
                raise StoreError(f"the run {run.name} {too_long(visitor)}")
            has_pilots = any(other.pilot for other in self.store.runs(experiment=run.experiment))
            waits = has_pilots and not run.pilot and run.step == 0
            self.store.requeue(run_id, Status.WAITING if waits else Status.QUEUED, visitor)
            release(self.store, run.experiment)
            self._call_workers()

    def start_over(self, run_id: str, visitor: str = HOST) -> None:
        """Queue a run that stands still, to be trained anew from its first step."""
        self.store.refuse_strangers([run_id], visitor)
        if self.store.run(run_id).status in RESUMABLE:
            paths.checkpoint(run_id).unlink(missing_ok=True)
            self.store.forget(run_id)
            self.resume(run_id, visitor)

    def delete(self, run_ids: Sequence[str], visitor: str = HOST) -> None:
        """Remove runs, their events and checkpoints. Raises StoreError if one is still at work."""
        self.store.delete(run_ids, visitor)
        for run_id in run_ids:
            for file in (paths.checkpoint(run_id), *paths.half_written(run_id)):
                file.unlink(missing_ok=True)

    def prepare(self, runs: int) -> None:
        """Start so many workers, or as many as there are cores, before there are runs for them: it takes seconds."""
        with self._changing:
            while not self._ending and len(self._workers) < min(runs, self.workers):
                self._workers.append(WorkerProcess(self.store.presence.name, self._lost))

    @property
    def problem(self) -> str:
        """What keeps workers from working, as one sentence; empty if nothing does."""
        with self._changing:
            return next((worker.problem for worker in self._workers if worker.problem), self._no_start)

    def shutdown(self, timeout: float = SHUTDOWN_SECONDS) -> None:
        """End all workers; their runs are checkpointed and marked interrupted. May be called again.

        One in the middle of a very long step may not end in time. Its process is killed, and its run goes on from its
        last checkpoint.
        """
        with self._changing:
            self._ending = True
            workers, self._workers = self._workers, []
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait(max(0.0, deadline - time.monotonic()))
        if workers:
            self.store.interrupt_runs_of(self.store.presence.name)

    def _call_workers(self) -> None:
        self._no_start = ""
        self.prepare(self.store.at_work())
        with self._changing:
            for worker in self._workers:
                worker.call()

    def _lost(self, worker: WorkerProcess, exit_code: int) -> None:
        """A worker has ended unasked: its run has failed, and another takes its place."""
        with self._changing:
            if self._ending or worker not in self._workers:
                return
            self._workers.remove(worker)
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        if not worker.name:
            self._no_start = f"a worker did not start ({how}); the terminal of the lab says why"
            return
        with suppress(StoreError):
            for run in self.store.runs_of_worker(worker.name):
                self.store.end(run.id, Status.FAILED, f"the process that trained it was ended from outside ({how}), as "
                               "happens when memory runs out; resume it, or choose a smaller model or batch", run.turn)  # fmt: skip
            self._call_workers()


class ForVisitor:
    """The workers, as one visitor may use them: see the methods of RunManager of the same names."""

    def __init__(self, manager: RunManager, visitor: str):
        self._manager, self._visitor = manager, visitor

    def submit(self, runs: Sequence[NewRun], kind: Kind = "compare") -> list[str]:
        """Queue runs of this visitor."""
        return self._manager.submit(runs, kind, self._visitor)

    def pause(self, run_id: str) -> None:
        """Ask a run of this visitor to stand still."""
        self._manager.pause(run_id, self._visitor)

    def stop(self, run_id: str) -> None:
        """Ask a run of this visitor to end."""
        self._manager.stop(run_id, self._visitor)

    def resume(self, run_id: str) -> None:
        """Let a run of this visitor go on."""
        self._manager.resume(run_id, self._visitor)

    def start_over(self, run_id: str) -> None:
        """Train a run of this visitor anew."""
        self._manager.start_over(run_id, self._visitor)

    def delete(self, run_ids: Sequence[str]) -> None:
        """Remove runs of this visitor."""
        self._manager.delete(run_ids, self._visitor)
