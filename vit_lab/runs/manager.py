"""Worker threads that train queued runs, as many at once as there are cores; whose turn it is, says the store.

Each run has one intra-op thread: these models are too small to split, and torch releases the GIL inside
its operators, so two runs side by side cost the wall time of one. A run that is paused or stopped leaves a
checkpoint and its worker goes on with the next in the queue; resuming queues it again.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import torch

from vit_lab import paths
from vit_lab.config import ConfigError
from vit_lab.data.errors import DatasetError
from vit_lab.data.splits import load_run_data
from vit_lab.events import Diverged, Event, Finished, StepMeasured, Stepped
from vit_lab.runs.experiments import release
from vit_lab.runs.limits import HOST, limits_of
from vit_lab.runs.records import Kind, NewRun, RunRecord
from vit_lab.runs.states import RESUMABLE, Status
from vit_lab.runs.store import Store, StoreError
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.trainer import Training, train

FLUSH_SECONDS = 0.5  # how far a screen, which looks once a second, may lag behind a run
CHECKPOINT_SECONDS = 5.0  # how much work a crash may cost
SHUTDOWN_SECONDS = 3.0  # of the five in which a server should end


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RunManager:
    """Trains the runs that are submitted to `store`. Call `shutdown` before the process ends."""

    def __init__(self, store: Store, workers: int | None = None):
        self.store = store
        self.workers = workers or usable_cores()
        self._threads: list[threading.Thread] = []
        self._wake = threading.Condition()
        self._closing = False
        self.problem: str | None = None  # what keeps workers from writing, as one sentence

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
                raise StoreError(f"the run {run.name} {_too_long(visitor)}")
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
            _clear_half_written(run_id)
            paths.checkpoint(run_id).unlink(missing_ok=True)

    def shutdown(self, timeout: float = SHUTDOWN_SECONDS) -> bool:
        """Stop all workers; their runs are checkpointed and marked interrupted. May be called again.

        Returns whether all workers have ended. One in the middle of a very long step may not have; its run goes on
        from its last checkpoint, and its process should not wait for it.
        """
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._threads:
            self.store.interrupt_runs_of(self.store.presence.name)
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return not self._threads

    def _call_workers(self) -> None:
        with self._wake:
            if not self._threads and not self._closing:
                self._threads = [
                    threading.Thread(target=self._work, name=f"vit-lab-worker-{i}", daemon=True)
                    for i in range(self.workers)
                ]
                for thread in self._threads:
                    thread.start()
            self._wake.notify_all()

    def _work(self) -> None:
        torch.set_num_threads(1)  # counts for the calling thread
        while not self._closing:
            try:
                run = self.store.claim()
            except StoreError as error:
                self._wait_out(error)
                continue
            self.problem = None
            if run is not None:
                self._end(run, *self._train(run))
                continue
            with self._wake:
                if not self._closing:
                    self._wake.wait(1.0)

    def _train(self, run: RunRecord) -> tuple[Status, str | None]:
        """Train one run until it ends or is asked to; returns how it ended and why."""
        try:
            path = paths.checkpoint(run.id)
            _clear_half_written(run.id)
            checkpoint = load_checkpoint(path) if path.exists() else None
            training = train(run.config, load_run_data(run.config), checkpoint=checkpoint)
            return self._follow(run, training)
        except (ConfigError, DatasetError, CheckpointError, StoreError) as error:
            return Status.FAILED, str(error)
        except OSError as error:
            return (
                Status.FAILED,
                f"{error.strerror or error}: {error.filename or paths.home()}; free some space or mend it, then resume",
            )
        except Exception as error:  # a defect, or no memory: the run's record must survive it
            return (
                Status.FAILED,
                f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no message'}",
            )

    def _follow(self, run: RunRecord, training: Training) -> tuple[Status, str | None]:
        clock = _Clock(before=run.wall_seconds)
        pending: list[tuple[float, Event]] = []
        flushed = saved = time.monotonic()
        ended: tuple[Status, str | None] = (Status.FAILED, "the run ended without saying why")
        for event in training:
            if pending and isinstance(pending[-1][1], Stepped):
                pending.pop()  # only the latest counts
            pending.append((clock.training_seconds, event))
            clock.saw(event, run.config.optim.batch_size)
            if isinstance(event, Finished):
                ended = Status.FINISHED, None
            elif isinstance(event, Diverged):
                ended = (
                    Status.DIVERGED,
                    f"the loss or its gradient was not a number at step {event.step}; try a smaller variance or learning rate",
                )
            now = time.monotonic()
            if now - flushed >= FLUSH_SECONDS:
                seconds = clock.training_seconds
                wish = self.store.append(run.id, pending, seconds, clock.images_per_second, run.turn)
                pending, flushed = [], now
                if wish == Status.INTERRUPTED:  # the run is not this worker's any more
                    return Status.INTERRUPTED, None
                too_long = not wish and seconds >= limits_of(run.owner).wall_seconds
                if wish or too_long or self._closing:
                    save_checkpoint(training.checkpoint(), paths.checkpoint(run.id))
                    if too_long:
                        return Status.STOPPED, f"the run {_too_long(run.owner)}"
                    return (Status(wish) if wish else Status.INTERRUPTED), None
                if now - saved >= CHECKPOINT_SECONDS:
                    save_checkpoint(training.checkpoint(), paths.checkpoint(run.id))
                    saved = now
        # In this order, here as above: a process that dies in between repeats a few steps and leaves no gap.
        self.store.append(run.id, pending, clock.training_seconds, clock.images_per_second, run.turn)
        save_checkpoint(training.checkpoint(), paths.checkpoint(run.id))
        return ended

    def _end(self, run: RunRecord, status: Status, error: str | None) -> None:
        """Write down how a run ended, for as long as it takes: no record stays `running` over a full disk."""
        while True:
            try:
                self.store.end(run.id, status, error, run.turn)
                if run.pilot:
                    with suppress(ConfigError):  # of a pilot that another version of the lab has left
                        release(self.store, run.experiment)
                    self._call_workers()
                return
            except StoreError as problem:
                if self._closing:
                    return
                self._wait_out(problem)

    def _wait_out(self, error: StoreError) -> None:
        self.problem = str(error)
        with self._wake:
            self._wake.wait(1.0)


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


def _clear_half_written(run_id: str) -> None:
    """Remove what a process that was killed while it saved a checkpoint has left."""
    checkpoint = paths.checkpoint(run_id)
    for file in checkpoint.parent.glob(f"{checkpoint.stem}.*.tmp"):
        file.unlink(missing_ok=True)


def _too_long(owner: str) -> str:
    minutes = limits_of(owner).wall_seconds / 60
    return f"has trained for {minutes:,.0f} min, the longest that a run may; choose fewer steps or a smaller model"


class _Clock:
    """Training time and speed of one run, on a clock that never jumps."""

    def __init__(self, before: float):
        self._before, self._start = before, time.monotonic()
        self._marks: list[tuple[float, int]] = []

    @property
    def training_seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    @property
    def images_per_second(self) -> float | None:
        """Over the last few seconds, evaluations and probes included."""
        if len(self._marks) < 2:
            return None
        (first_time, first), (last_time, last) = self._marks[0], self._marks[-1]
        return (last - first) / max(last_time - first_time, 1e-9)

    def saw(self, event: Event, batch_size: int) -> None:
        if isinstance(event, Stepped | StepMeasured):
            now = time.monotonic()
            self._marks.append((now, event.step * batch_size))
            while len(self._marks) > 2 and now - self._marks[0][0] > 3.0:
                self._marks.pop(0)
