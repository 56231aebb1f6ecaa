"""What people do with runs: queue them, pause, stop, resume, name and delete them, each as far as they may.

A manager acts for one person, the host unless `as_visitor` says otherwise. It refuses what is not theirs to change and
what is more than they may queue, in the same transaction as the change itself. A pool of workers then trains what is
queued, in the order that `vit_lab.runs.queue` sets.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Self

from vit_lab import paths
from vit_lab.runs import bundles, snapshots
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.choice import chosen_executor
from vit_lab.runs.executors.executor import Executor
from vit_lab.runs.executors.pool import WorkerPool
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.limits import HOST, check_size, limits_of, may_change, queue_refusal, too_long
from vit_lab.runs.rates import release
from vit_lab.runs.records import Kind, NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store

SHUTDOWN_SECONDS = 2.0  # of the five in which a server should end: on a slow machine the rest takes 2.5


class RunManager:
    """The runs of `store` as one person may handle them. Call `shutdown` before the process ends.

    What it is asked to do raises StoreError, in a sentence, if this person may not, or if the store cannot be used.

    Args:
        workers: how many runs train at once at most; None leaves it to the executor.
        executor: what trains them; None takes that of `chosen_executor`, which may raise ConfigError.
    """

    def __init__(self, store: Store, workers: int | None = None, executor: Executor | None = None):
        self.store, self.visitor = store, HOST
        self._sweep()
        self._pool = WorkerPool(store, executor or chosen_executor(), workers)

    def as_visitor(self, visitor: str) -> Self:
        """The same runs and workers, as this person may handle them."""
        manager = copy.copy(self)
        manager.visitor = visitor
        return manager

    def submit(self, runs: Sequence[NewRun], kind: Kind = "compare") -> list[str]:
        """Queue runs; returns their ids. Those that join an experiment belong to whoever it belongs to.

        Raises ConfigError if one is too large, StoreError if they are too many, or join what is somebody else's.
        """
        with self.store.transaction():
            ids = self._add(runs, kind)
        self._begin(runs)
        return ids

    def extend(self, experiment: str, planned: Callable[[Experiment], Sequence[NewRun]]) -> list[str]:
        """Queue what `planned` adds to an experiment as it is now, and remember if that is seeds; see `submit`."""
        with self.store.transaction():
            before = Experiment.read(self.store, experiment)
            if not before.proper:
                raise StoreError("this experiment is gone, so nothing can be added to it; launch a new one")
            new = planned(before)
            if any(run.config.seed not in before.seeds for run in new if not run.pilot):
                self.store.mark_extended(experiment)
            ids = self._add(new, before.kind)
        self._begin(new)
        return ids

    def pause(self, run_id: str) -> None:
        """Ask a run to stand still; it can be resumed."""
        self._request(run_id, Status.PAUSED)

    def stop(self, run_id: str) -> None:
        """Ask a run to end where it is. Its checkpoint stays, so a change of mind is possible."""
        self._request(run_id, Status.STOPPED)

    def resume(self, run_id: str) -> None:
        """Queue a run that stands still, to go on where it was."""
        self._queue_again(run_id, anew=False)

    def start_over(self, run_id: str) -> None:
        """Queue a run that stands still, to be trained anew from its first step."""
        self._queue_again(run_id, anew=True)

    def describe(self, run_id: str, name: str, tags: str) -> None:
        """Give a run a name and tags."""
        with self.store.transaction():
            self._refuse_others([run_id])
            self.store.rename(run_id, name)
            self.store.tag(run_id, tags)

    def delete(self, run_ids: Sequence[str]) -> None:
        """Remove runs and all that is kept of them, all or none. Raises StoreError if one is still at work."""
        with self.store.transaction():
            self._refuse_others(run_ids)
            self._refuse_pairs_of_a_round(run_ids)
            self._refuse_needed_pilots(run_ids)
            self.store.delete(run_ids)
            for run_id in run_ids:
                with suppress(FileNotFoundError):
                    paths.checkpoint(run_id).replace(paths.doomed(run_id))
                snapshots.doom(run_id)
        for run_id in run_ids:
            snapshots.finish_off(run_id)
            for file in (paths.doomed(run_id), *paths.half_written(run_id)):
                file.unlink(missing_ok=True)

    def prepare(self, runs: int) -> None:
        """Start workers for so many runs, at most as many as there may be, before the runs are there."""
        self._pool.prepare(runs)

    @property
    def workers(self) -> int:
        """How many runs train at once at most."""
        return self._pool.most

    @property
    def problem(self) -> str:
        """What holds training up, as one sentence; empty if nothing does."""
        return self._pool.problem

    @property
    def is_hopeless(self) -> bool:
        """Whether workers end as soon as they start, so that nothing will be trained."""
        return self._pool.is_hopeless

    def shutdown(self, timeout: float = SHUTDOWN_SECONDS) -> None:
        """End all workers. Their runs are checkpointed and marked interrupted, as are those queued. May be repeated."""
        if not self._pool.is_ending:
            self._pool.end(timeout)
            self.store.interrupt_runs_of(self.store.presence.name)

    def _sweep(self) -> None:
        """Finish what a process was killed in the middle of: checkpoint and snapshots go with their run, or stay.

        Only those that were about to go are looked at: a database that was exchanged must not cost a checkpoint.
        """
        for file in list(paths.checkpoints().glob(f"*{paths.DOOMED}")):
            with suppress(OSError):
                if self.store.runs([file.stem]):
                    file.replace(paths.checkpoint(file.stem))
                else:
                    file.unlink()
        snapshots.sweep(self.store)
        bundles.sweep(self.store)

    def _add(self, runs: Sequence[NewRun], kind: Kind) -> list[str]:
        owner = self._owner_of({run.experiment for run in runs})
        check_size(owner, [run.config for run in runs])
        self._admit(len(runs))
        return self.store.add(runs, kind, owner)

    def _begin(self, runs: Sequence[NewRun]) -> None:
        """Have runs trained that have been added; what waits for pilots that have all ended is queued first."""
        for experiment in {run.experiment for run in runs if run.status == Status.WAITING}:
            release(self.store, experiment)
        self._pool.call()

    def _admit(self, new: int) -> None:
        theirs, everybodys = self.store.queue.load(self.visitor)
        if why := queue_refusal(self.visitor, new, theirs, everybodys):
            raise StoreError(why)

    def _owner_of(self, experiments: Iterable[str]) -> str:
        """Whose the runs will be that are added to some experiments: this person's, if they are new."""
        if any(self.store.rounds.holds(experiment) for experiment in experiments):
            raise StoreError(
                "this experiment is a round of a class, which gives out its seeds itself; launch a new one"
            )
        owners = {run.owner for experiment in experiments for run in self.store.runs(experiment=experiment)}
        if not all(may_change(self.visitor, owner) for owner in owners):
            raise StoreError("this experiment is somebody else's; only they, or the host, may add to it")
        return owners.pop() if len(owners) == 1 else self.visitor

    def _refuse_others(self, run_ids: Sequence[str]) -> None:
        for run in self.store.runs(run_ids):
            if not may_change(self.visitor, run.owner):
                raise StoreError(f"the run {run.name} is somebody else's; only they, or the host, may change it")

    def _refuse_pairs_of_a_round(self, run_ids: Sequence[str]) -> None:
        """A student who could take their pair out of a round could choose its winner."""
        experiments = {run.experiment for run in self.store.runs(run_ids)}
        if self.visitor != HOST and any(map(self.store.rounds.holds, experiments)):
            raise StoreError("a pair of a round belongs to the class; only the host may remove it")

    def _refuse_needed_pilots(self, run_ids: Sequence[str]) -> None:
        """Pilots stay while a run waits for the rate that they pick: nobody else would tell it."""
        going = set(run_ids)
        for experiment in {run.experiment for run in self.store.runs(run_ids) if run.pilot}:
            waiting = [run for run in self.store.runs(experiment=experiment) if run.status == Status.WAITING]
            if any(run.id not in going for run in waiting):
                raise StoreError("runs wait for the learning rate that these pilots pick; stop those runs first")

    def _request(self, run_id: str, wish: Status) -> None:
        with self.store.transaction():
            self._refuse_others([run_id])
            self.store.request(run_id, wish)

    def _queue_again(self, run_id: str, *, anew: bool) -> None:
        with self.store.transaction():
            self._refuse_others([run_id])
            run = self.store.run(run_id)
            if not run.is_resumable:
                return
            if run.wall_seconds >= limits_of(run.owner).wall_seconds and not anew:
                raise StoreError(f"the run {run.name} {too_long(run.owner)}")
            self._admit(1)
            has_pilots = any(other.pilot for other in self.store.runs(experiment=run.experiment))
            waits = has_pilots and not run.pilot and (run.step == 0 or anew)
            self.store.requeue(run_id, Status.WAITING if waits else Status.QUEUED, anew=anew)
        release(self.store, run.experiment)
        self._pool.call()
