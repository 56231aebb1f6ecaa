"""What a server or a command does with runs: queues them, passes on wishes, and has a crew of workers train them.

Whose turn it is, says the store.
"""

import os
from collections.abc import Sequence

from vit_lab import paths
from vit_lab.runs.crew import Crew
from vit_lab.runs.limits import HOST, limits_of, too_long
from vit_lab.runs.rates import release
from vit_lab.runs.records import Kind, NewRun
from vit_lab.runs.states import RESUMABLE, Status
from vit_lab.runs.store import Store, StoreError

SHUTDOWN_SECONDS = 2.0  # of the five in which a server should end: on a slow machine the rest takes 2.5


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RunManager:
    """Has the runs trained that are submitted to `store`. Call `shutdown` before the process ends."""

    def __init__(self, store: Store, workers: int | None = None):
        self.store = store
        self.workers = workers or usable_cores()
        self._crew = Crew(store, self.workers)
        self._ended = False

    def submit(self, runs: Sequence[NewRun], kind: Kind = "compare", visitor: str = HOST) -> list[str]:
        """Queue runs; returns their ids. Raises StoreError or ConfigError if that is too much (see `limits`)."""
        ids = self.store.add(runs, kind, visitor)
        for experiment in {run.experiment for run in runs if run.status == Status.WAITING}:
            release(self.store, experiment)
        self._crew.call()
        return ids

    def pause(self, run_id: str, visitor: str = HOST) -> None:
        """Ask a run to stand still; it can be resumed. Like all that follow, raises StoreError if it is not theirs."""
        self.store.request(run_id, Status.PAUSED, visitor)

    def stop(self, run_id: str, visitor: str = HOST) -> None:
        """Ask a run to end where it is. Its checkpoint stays, so a change of mind is possible."""
        self.store.request(run_id, Status.STOPPED, visitor)

    def resume(self, run_id: str, visitor: str = HOST) -> None:
        """Queue a run that stands still, to go on where it was."""
        self._queue_again(run_id, visitor, anew=False)

    def start_over(self, run_id: str, visitor: str = HOST) -> None:
        """Queue a run that stands still, to be trained anew from its first step."""
        self._queue_again(run_id, visitor, anew=True)

    def delete(self, run_ids: Sequence[str], visitor: str = HOST) -> None:
        """Remove runs, their events and checkpoints. Raises StoreError if one is still at work."""
        self.store.delete(run_ids, visitor)
        for run_id in run_ids:
            for file in (paths.checkpoint(run_id), *paths.half_written(run_id)):
                file.unlink(missing_ok=True)

    def prepare(self, runs: int) -> None:
        """Start workers for so many runs, at most as many as there are cores, before the runs are there."""
        self._crew.prepare(runs)

    @property
    def problem(self) -> str:
        """What holds training up, as one sentence; empty if nothing does."""
        return self._crew.problem

    @property
    def is_hopeless(self) -> bool:
        """Whether workers end as soon as they start, so that nothing will be trained."""
        return self._crew.is_hopeless

    def shutdown(self, timeout: float = SHUTDOWN_SECONDS) -> None:
        """End all workers; their runs are checkpointed and marked interrupted, as are those queued. May be called again."""
        if not self._ended:
            self._ended = True
            self._crew.end(timeout)
            self.store.interrupt_runs_of(self.store.presence.name)

    def _queue_again(self, run_id: str, visitor: str, *, anew: bool) -> None:
        self.store.refuse_strangers([run_id], visitor)
        run = self.store.run(run_id)
        if run.status in RESUMABLE:
            if run.wall_seconds >= limits_of(visitor).wall_seconds and not anew:
                raise StoreError(f"the run {run.name} {too_long(visitor)}")
            has_pilots = any(other.pilot for other in self.store.runs(experiment=run.experiment))
            waits = has_pilots and not run.pilot and (run.step == 0 or anew)
            self.store.requeue(run_id, Status.WAITING if waits else Status.QUEUED, visitor, anew=anew)
            release(self.store, run.experiment)
            self._crew.call()


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
