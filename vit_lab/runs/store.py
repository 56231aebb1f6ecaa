"""Every run and everything it said, row by row: the only channel between a run and a screen.

Workers append, any number of sessions read (see `vit_lab.runs.database`). Whose turn it is, is asked of `Store.queue`;
what a class does together, of `Store.rounds`; what is newest, of `Store.listing`; who may change what, and how much may
be queued, of `vit_lab.runs.manager`.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vit_lab.config import RunConfig
from vit_lab.events import Event, Stepped
from vit_lab.runs.database import Database
from vit_lab.runs.errors import StoreError
from vit_lab.runs.limits import HOST
from vit_lab.runs.listing import Listing
from vit_lab.runs.queue import Queue
from vit_lab.runs.records import ExperimentRecord, Kind, NewRun, RunRecord, read_runs
from vit_lab.runs.rounds import Rounds
from vit_lab.runs.rows import AT_WORK, RUN_COLUMNS, parse_event, storable
from vit_lab.runs.states import Status
from vit_lab.runs.tables import Tables

LONGEST_NAME, UNNAMED = 200, "unnamed"
SPARKLINE_POINTS = 40
# Which column of `runs` shows the latest value of which field of which event.
LATEST = {
    "started": {"total_steps": "total_steps"},
    "stepped": {"step": "step"},
    "step": {"step": "step", "loss": "train_loss"},
    "evaluated": {"accuracy": "val_accuracy"},
    "finished": {"test_accuracy": "test_accuracy", "best_test_accuracy": "best_test_accuracy"},
}
# What a run that starts over has not measured yet.
NOTHING_MEASURED = {
    "step": 0,
    "wall_seconds": 0.0,
    "images_per_second": None,
    "train_loss": None,
    "val_accuracy": None,
    "test_accuracy": None,
    "best_test_accuracy": None,
    "sparkline": "[]",
}
NEW_EXPERIMENT = "INSERT OR IGNORE INTO experiments (id, kind, created_at) VALUES (?, ?, ?)"
NEW_RUN = """
    INSERT INTO runs
    (number, id, experiment, arm, condition, pilot, name, config, status, process, created_at, owner)
    VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM runs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Store:
    """The runs of one lab home. Safe to share between threads.

    Opening it marks the runs of dead processes `interrupted`. Raises StoreError if the file cannot be used.
    """

    def __init__(self, path: Path):
        self._database = Database(path)
        self.presence, self.queue = self._database.presence, Queue(self._database)
        self.rounds, self.listing = Rounds(self._database), Listing(self._database)
        self.tables = Tables(self._database)
        self.interrupt_runs_of_dead_processes()

    @property
    def is_lost(self) -> bool:
        """Whether its file was removed, or replaced, since it was opened; see `rescue`."""
        return self._database.is_lost

    def rescue(self) -> Path:
        """Write all that a lost store holds to a new file beside where it was. Raises StoreError."""
        return self._database.rescue()

    def close(self) -> None:
        """Let go of the file. A closed store cannot be used again."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """What is changed inside is kept whole or not at all, and what is read inside nobody else changes meanwhile."""
        return self._database.transaction()

    def snapshot(self) -> AbstractContextManager[None]:
        """What is read inside, by this thread, is of one moment."""
        return self._database.snapshot()

    # What screens read

    def runs(self, ids: Sequence[str] | None = None, experiment: str | None = None) -> list[RunRecord]:
        """All runs, newest first; or those of the given ids, in that order; or those of an experiment, by arm."""
        if ids is not None:
            found = {run.id: run for run in self._runs(f"WHERE id IN ({', '.join('?' * len(ids))})", *ids)}
            return [found[run_id] for run_id in ids if run_id in found]
        if experiment is not None:
            return self._runs("WHERE experiment = ? ORDER BY arm, number", experiment)
        return self._runs("ORDER BY number DESC")

    def run(self, run_id: str) -> RunRecord:
        """One run. Raises StoreError if there is none of that id."""
        found = self.runs([run_id])
        if not found:
            raise StoreError(
                f"there is no run {run_id[:40]!r}; the page Runs and the command `runs` list what there is"
            )
        return found[0]

    def runs_of(self, owner: str, experiment: str) -> list[RunRecord]:
        """The runs that somebody owns in an experiment, by arm."""
        return self._runs("WHERE experiment = ? AND owner = ? ORDER BY arm, number", experiment, owner)

    def latest_experiment(self, owner: str | None = None) -> str | None:
        """The experiment launched last; by that person, if one is given."""
        theirs, of = ("", ()) if owner is None else ("WHERE owner = ?", (owner,))
        rows = self._database.read(f"SELECT experiment FROM runs {theirs} ORDER BY number DESC LIMIT 1", *of)
        return rows[0]["experiment"] if rows else None

    def holds(self, experiment: str) -> bool:
        """Whether there are runs of an experiment."""
        return bool(self._database.read("SELECT 1 FROM runs WHERE experiment = ? LIMIT 1", experiment))

    def experiments(self) -> list[ExperimentRecord]:
        """All experiments, the one launched last first."""
        newest = "(SELECT MAX(number) FROM runs WHERE experiment = experiments.id)"  # a clock may jump, a number not
        rows = self._database.read(f"SELECT * FROM experiments ORDER BY {newest} DESC")
        return [ExperimentRecord(**dict(row)) for row in rows]

    def experiment(self, experiment: str) -> ExperimentRecord:
        """One experiment. Raises StoreError if there is none of that id."""
        rows = self._database.read("SELECT * FROM experiments WHERE id = ?", experiment)
        if not rows:
            raise StoreError(f"there is no experiment {experiment[:40]!r}; the command `runs` lists what there is")
        return ExperimentRecord(**dict(rows[0]))

    def events(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """All events of a kind, by step, as plain data; `seconds` is the training time at which each happened.

        One whose stored text is no JSON is passed over.
        """
        query = "SELECT seconds, body FROM events WHERE run = ? AND kind = ? ORDER BY step"
        rows = [(row["seconds"], parse_event(row["body"])) for row in self._database.read(query, run_id, kind)]
        return [event | {"seconds": seconds} for seconds, event in rows if event is not None]

    def waiting_experiments(self) -> list[str]:
        """The experiments of this process with runs that wait for their pilots."""
        mine = (Status.WAITING, self.presence.name)
        rows = self._database.read("SELECT DISTINCT experiment FROM runs WHERE status = ? AND process = ?", *mine)
        return [row["experiment"] for row in rows]

    def runs_of_worker(self, worker: str) -> list[RunRecord]:
        """The runs that a worker is training."""
        return self._runs("WHERE worker = ? AND status = ?", worker, Status.RUNNING)

    # What people change

    def add(self, new_runs: Iterable[NewRun], kind: Kind = "compare", owner: str = HOST) -> list[str]:
        """Queue runs for this process, all or none; returns their ids. `kind` is for an experiment not yet there."""
        ids = []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.transaction() as db:
            for new in new_runs:
                ids.append(uuid.uuid4().hex[:10])
                place = new.experiment, new.arm, new.condition, new.pilot
                words = one_line(new.name) or UNNAMED, new.config.model_dump_json()
                db.execute(NEW_EXPERIMENT, (new.experiment, kind, now))
                db.execute(NEW_RUN, (ids[-1], *place, *words, new.status, self.presence.name, now, owner))
        return ids

    def mark_extended(self, experiment: str) -> None:
        """Remember that seeds were added to an experiment after its launch."""
        with self._database.transaction() as db:
            db.execute("UPDATE experiments SET extended = 1 WHERE id = ?", (experiment,))

    def release(self, run_id: str, config: RunConfig) -> None:
        """Queue a waiting run with what its config has become; it keeps its place."""
        release = "UPDATE runs SET status = ?, config = ? WHERE id = ? AND status = ?"
        with self._database.transaction() as db:
            db.execute(release, (Status.QUEUED, config.model_dump_json(), run_id, Status.WAITING))

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name; whatever its characters, it is stored as text."""
        self._set(run_id, name=one_line(name) or UNNAMED)

    def tag(self, run_id: str, tags: str) -> None:
        """Replace a run's tags."""
        self._set(run_id, tags=one_line(tags))

    def delete(self, run_ids: Sequence[str]) -> None:
        """Remove runs and their events. Raises StoreError if one is queued, running or waiting."""
        with self._database.transaction() as db:
            for run_id in run_ids:
                if self._is_at_work(run_id):
                    raise StoreError(f"the run {self.run(run_id).name} is still at work; stop it first")
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            db.execute("DELETE FROM experiments WHERE id NOT IN (SELECT experiment FROM runs)")

    def request(self, run_id: str, wish: Status) -> None:
        """Ask that a run be paused or stopped. A queued run is so at once, a running one at its next event."""
        at_once = "UPDATE runs SET status = ? WHERE id = ? AND status IN (?, ?)"
        with self._database.transaction() as db:
            db.execute(at_once, (wish, run_id, Status.QUEUED, Status.WAITING))
            db.execute("UPDATE runs SET request = ? WHERE id = ? AND status = ?", (wish, run_id, Status.RUNNING))

    def requeue(self, run_id: str, status: Status = Status.QUEUED, *, anew: bool = False) -> None:
        """Queue a run that stands still, for this process; or let it wait.

        `anew` takes back all that it has said, so that it starts over.
        """
        with self._database.transaction() as db:
            if self._is_at_work(run_id):
                return
            if anew:
                db.execute("DELETE FROM events WHERE run = ?", (run_id,))
                self._set(run_id, **NOTHING_MEASURED)
            self._set(run_id, status=status, process=self.presence.name, request=None, error=None)

    # What workers write

    def append(
        self,
        run_id: str,
        events: Sequence[tuple[float, Event]],
        wall_seconds: float,
        speed: float | None,
        turn: int | None = None,
        node: str | None = None,
    ) -> str | None:
        """Add events, each with its training time, in one transaction; returns what is asked of the run, if anything.

        `turn` is that of the worker's taking: if the run is not the worker's any more, nothing is added, and the answer
        is `interrupted`. `node` is the machine of a cluster that trains it, if that is known.
        """
        columns: dict[str, Any] = {"wall_seconds": wall_seconds} | ({"images_per_second": speed} if speed else {})
        columns |= {} if node is None else {"node": node}
        for _, event in events:
            columns |= {column: getattr(event, field) for field, column in LATEST.get(event.kind, {}).items()}
        kept = [
            (run_id, event.kind, event.step, seconds, event.to_json())
            for seconds, event in events
            if not isinstance(event, Stepped)  # moves the counter, and is not kept
        ]
        with self._database.transaction() as db:
            if turn is not None and not self._runs_still(run_id, turn):
                return Status.INTERRUPTED
            db.executemany(
                "INSERT OR REPLACE INTO events (run, kind, step, seconds, body) VALUES (?, ?, ?, ?, ?)", kept
            )
            self._set(run_id, **columns)
            row = db.execute("SELECT request FROM runs WHERE id = ?", (run_id,)).fetchone()
        return row["request"] if row else Status.STOPPED

    def end(self, run_id: str, status: Status, error: str | None = None, turn: int | None = None) -> None:
        """The worker lets go of a run, unless it is not the worker's any more (see `append`)."""
        told = (row.get("loss") for row in self.events(run_id, "step"))
        losses = [loss for loss in told if isinstance(loss, int | float)]
        sparkline = json.dumps(losses[:: max(1, len(losses) // SPARKLINE_POINTS)])
        with self._database.transaction():
            if turn is None or self._runs_still(run_id, turn):
                self._set(run_id, status=status, error=error, request=None, sparkline=sparkline)

    def interrupt_runs_of_dead_processes(self) -> None:
        """Mark queued and running runs whose process has died, so that nothing stays `running` for ever."""
        for row in self._database.read(f"SELECT DISTINCT process FROM runs WHERE {AT_WORK}"):
            if not self.presence.is_alive(row["process"]):
                self.interrupt_runs_of(row["process"])

    def interrupt_runs_of(self, process: str) -> None:
        """Mark all queued, running and waiting runs of a process as interrupted."""
        interrupt = f"UPDATE runs SET status = ?, request = NULL WHERE process = ? AND {AT_WORK}"
        with self._database.transaction() as db:
            db.execute(interrupt, (Status.INTERRUPTED, process))

    # How

    def _is_at_work(self, run_id: str) -> bool:
        return bool(self._database.read(f"SELECT 1 FROM runs WHERE id = ? AND {AT_WORK}", run_id))

    def _runs_still(self, run_id: str, turn: int) -> bool:
        mine = "SELECT 1 FROM runs WHERE id = ? AND turn = ? AND status = ?"
        return bool(self._database.read(mine, run_id, turn, Status.RUNNING))

    def _runs(self, clause: str, *values: object) -> list[RunRecord]:
        rows = self._database.read(f"SELECT {RUN_COLUMNS} FROM runs {clause}", *values)
        return read_runs(rows)

    def _set(self, run_id: str, **columns: object) -> None:
        assignments = ", ".join(f"{column} = ?" for column in columns)
        with self._database.transaction() as db:
            db.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*columns.values(), run_id))


def one_line(text: str) -> str:
    """What a person typed, on one line and not endless."""
    return " ".join(storable(text).split())[:LONGEST_NAME]
