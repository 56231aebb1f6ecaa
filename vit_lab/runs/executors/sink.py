"""Where the messages of one run go: events into the store, the rest into files. What is wished of it comes back."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from vit_lab import paths
from vit_lab.runs import snapshots
from vit_lab.runs.errors import StoreBusyError, StoreError
from vit_lab.runs.executors.messages import Ended, Message, Said
from vit_lab.runs.limits import limits_of, too_long
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

BUSY_PAUSE = 0.5
LONGEST_BUSY = 900.0  # for which another program may hold the database before a run fails over it


class Sink:
    """Writes down what a run says that a worker has taken. `is_ending` tells whether the worker is to end.

    While another program holds the database, the run goes on, and what it says is kept here; so is its latest
    checkpoint, for none on disk may be ahead of the events there.
    """

    def __init__(self, store: Store, run: RunRecord, is_ending: Callable[[], bool]):
        self._store, self._run, self._is_ending = store, run, is_ending
        self._path = paths.checkpoint(run.id)
        self._asked: str | None = None
        self._seconds = run.wall_seconds
        self._said: list[Said] = []  # not written yet
        self._checkpoint: Checkpoint | None = None
        self._snapshots: list[Checkpoint] = []
        self._keeps = 0  # so many of them at most
        self._busy_since: float | None = None

    def latest_checkpoint(self) -> Checkpoint | None:
        """Where the run goes on; None if at its start. Clears away what does not belong to it any more.

        Raises CheckpointError or OSError.
        """
        for file in paths.half_written(self._run.id):
            file.unlink(missing_ok=True)
        if self._run.step == 0:  # it has said nothing yet, or starts over
            self._path.unlink(missing_ok=True)
            with suppress(OSError):  # that must not cost the run
                snapshots.forget(self._run.id)
        return load_checkpoint(self._path) if self._path.exists() else None

    def snapshots_to_keep(self) -> int:
        """How many snapshots of this run there is room for; none if it is a pilot, or of a sweep or a claim."""
        try:
            is_looked_at = not self._run.pilot and self._store.experiment(self._run.experiment).kind == "compare"
        except StoreError:  # another program holds the database, say; that must not cost the run
            return 0
        self._keeps = snapshots.make_room_for(self._run) if is_looked_at else 0
        return self._keeps

    def wish(self) -> Ended | None:
        """How the run should end, by what was known when its latest batch was written; None if it should go on."""
        if self._asked:
            return Ended(Status(self._asked))
        if self._seconds >= limits_of(self._run.owner).wall_seconds:
            return Ended(Status.STOPPED, f"the run {too_long(self._run.owner)}")
        return Ended(Status.INTERRUPTED) if self._is_ending() else None

    def write(self, messages: Iterable[Message]) -> Ended:
        """Write messages down, each before the next is asked for, and return how the run ended.

        Stops listening once the run is not this worker's any more. Raises StoreError or OSError.
        """
        for message in messages:
            if isinstance(message, Ended):
                while not self._write_kept():
                    if self._is_ending():  # its end is not written, so it goes on from the checkpoint before
                        return Ended(Status.INTERRUPTED)
                    time.sleep(BUSY_PAUSE)
                if self._keeps:
                    snapshots.settle()
                return message
            if isinstance(message, Said):
                self._said.append(message)
                self._snapshots += message.snapshots
                self._seconds = message.seconds
            else:
                self._checkpoint = message
            self._write_kept()
            if self._asked == Status.INTERRUPTED:
                return Ended(Status.INTERRUPTED)
        return Ended(Status.FAILED, "what trained the run fell silent")

    def _write_kept(self) -> bool:
        """Write what is kept, if that can be done now. Raises StoreError if that has been impossible for too long."""
        try:
            if self._said:
                events = tuple(event for said in self._said for event in said.events)
                latest = self._said[-1]
                node = next((said.node for said in reversed(self._said) if said.node is not None), None)
                batch = events, latest.seconds, latest.images_per_second
                self._asked = self._store.append(self._run.id, *batch, self._run.turn, node)
                self._said.clear()
        except StoreBusyError:
            now = time.monotonic()
            self._busy_since = self._busy_since or now
            if now - self._busy_since > LONGEST_BUSY:
                raise
            return False
        self._busy_since = None
        if self._asked != Status.INTERRUPTED:
            for snapshot in self._snapshots:
                snapshots.keep(self._run.id, snapshot)
            if self._checkpoint is not None:
                save_checkpoint(self._checkpoint, self._path)
        self._checkpoint = None
        self._snapshots.clear()
        return True
