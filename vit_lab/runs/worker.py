"""A worker: trains the queued runs of one server or command, one at a time, until it is told to end.

`python -m vit_lab.runs.worker SERVER` is one in a process of its own, as `vit_lab.runs.worker_process` starts it. On
its stdin, any line says that there may be something in the queue, and the end of the stream that it should end: that
comes also when whoever started it is killed. On its stdout it says first the name under which it works, and then,
line by line, what keeps it from working; an empty line says that nothing does any more. Without a name, it could not
start.

Each run has one intra-op thread: these models are too small to split. A run that is paused or stopped leaves a
checkpoint and its worker goes on with the next in the queue; resuming queues it again.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import torch

from vit_lab import paths
from vit_lab.data.errors import DatasetError
from vit_lab.data.splits import load_run_data
from vit_lab.events import Diverged, Event, Finished, StepMeasured, Stepped
from vit_lab.runs.experiments import release
from vit_lab.runs.limits import limits_of, too_long
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store, StoreError
from vit_lab.settings import ConfigError
from vit_lab.training import device
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.trainer import Training, train

FLUSH_SECONDS = 0.5  # how far a screen, which looks once a second, may lag behind a run
CHECKPOINT_SECONDS = 5.0  # how much work a crash may cost
LOOK_SECONDS = 0.5  # how often an idle worker looks into the queue unasked
LAST_SECONDS = 30.0  # in which a worker ends whatever step it is in; a server that lives does not wait as long


class Worker:
    """Trains what is queued for `server` in `store`. `told` hears of every change of `problem`."""

    def __init__(self, store: Store, server: str, told: Callable[[str], None] = lambda problem: None):
        self.store, self.server = store, server
        self.problem = ""  # what keeps it from working, as one sentence
        self._told, self._call, self._ending = told, threading.Event(), threading.Event()

    def call(self) -> None:
        """There may be something in the queue."""
        self._call.set()

    def end(self) -> None:
        """Checkpoint the run at hand, mark it interrupted, and return from `work`."""
        self._ending.set()
        self._call.set()

    def work(self) -> None:
        """Train run after run, until told to end."""
        torch.set_num_threads(1)  # counts for the calling thread
        while not self._ending.is_set():
            try:
                run = self.store.claim(self.server)
            except StoreError as error:
                self._wait_out(error)
                continue
            self._say("")
            if run is None:
                self._wait()
            else:
                self._end(run, *self._train(run))

    def _train(self, run: RunRecord) -> tuple[Status, str | None]:
        """Train one run until it ends or is asked to; returns how it ended and why."""
        try:
            path = paths.checkpoint(run.id)
            for file in paths.half_written(run.id):
                file.unlink(missing_ok=True)
            if run.step == 0:  # it has said nothing yet, or starts over
                path.unlink(missing_ok=True)
            checkpoint = load_checkpoint(path) if path.exists() else None
            training = train(run.config, load_run_data(run.config), device=device.chosen(), checkpoint=checkpoint)
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
                overdue = not wish and seconds >= limits_of(run.owner).wall_seconds
                if wish or overdue or self._ending.is_set():
                    save_checkpoint(training.checkpoint(), paths.checkpoint(run.id))
                    if overdue:
                        return Status.STOPPED, f"the run {too_long(run.owner)}"
                    return (Status(wish) if wish else Status.INTERRUPTED), None
                if now - saved >= CHECKPOINT_SECONDS:
                    save_checkpoint(training.checkpoint(), paths.checkpoint(run.id))
                    saved = now
        # In this order, here as above: a process that dies in between repeats a few steps and leaves no gap.
        wish = self.store.append(run.id, pending, clock.training_seconds, clock.images_per_second, run.turn)
        if wish == Status.INTERRUPTED:
            return Status.INTERRUPTED, None
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
        self._call.wait(LOOK_SECONDS)
        self._call.clear()


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


def main(server: str) -> None:
    """Work for a server until it ends, or is gone."""
    lines = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not for the server
    if hasattr(os, "nice"):
        os.nice(10)  # pages, and whatever else a person does on this machine, come first

    def tell(line: str) -> None:
        with suppress(OSError):  # the server is gone, which the end of stdin says, too
            print(line, file=lines)

    try:
        store = Store(paths.database())
    except StoreError as error:
        tell(f"\n{error}")
        sys.exit(1)
    worker = Worker(store, server, tell)
    thread = threading.Thread(target=_work, args=(worker,), daemon=True)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        tell(store.presence.name)
        thread.start()
        for _ in sys.stdin:
            worker.call()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
        worker.end()
        if thread.ident:
            thread.join(LAST_SECONDS)
        if not thread.is_alive():
            store.close()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(0)  # taking torch down takes seconds on a busy machine


def _work(worker: Worker) -> None:
    """A worker that breaks takes its process with it, so that the server learns of it."""
    try:
        worker.work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
