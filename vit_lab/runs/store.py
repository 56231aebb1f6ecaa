"""Every run and everything it said, in one SQLite file: the only channel between a run and a screen.

Workers append, any number of sessions read. Write-ahead logging lets them do so at once, and a process
killed at any moment leaves a database that opens, with every committed event in it.
"""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from vit_lab.config import RunConfig
from vit_lab.events import Event, Stepped
from vit_lab.runs.limits import HOST, check_size, may_change, queue_refusal
from vit_lab.runs.migrations import ForeignDatabase, migrate, refuse_foreign
from vit_lab.runs.presence import Presence
from vit_lab.runs.queue import Place, in_turn
from vit_lab.runs.records import ExperimentRecord, Kind, NewRun, RunRecord
from vit_lab.runs.states import ACTIVE, Status

PLACE = ", ".join(f.name for f in fields(Place))
COLUMNS = ", ".join("config AS config_json" if f.name == "config_json" else f.name for f in fields(RunRecord))
AT_WORK = "status IN ('" + "', '".join(ACTIVE) + "')"
LONGEST_NAME, UNNAMED = 200, "unnamed"
LONGEST_KEPT = 500  # characters of an event that is kept parsed
SPARKLINE_POINTS = 40
# Which column of `runs` shows the latest value of which field of which event.
LATEST = {
    "started": {"total_steps": "total_steps"},
    "stepped": {"step": "step"},
    "step": {"step": "step", "loss": "train_loss"},
    "evaluated": {"accuracy": "val_accuracy"},
    "finished": {"test_accuracy": "test_accuracy", "best_test_accuracy": "best_test_accuracy"},
}


class StoreError(Exception):
    """The store cannot do what was asked; the message is one sentence for a person."""


class Store:
    """The runs of one lab home. Safe to share between threads.

    Opening it marks the runs of dead processes `interrupted`. Raises StoreError if the file cannot be used.
    """

    def __init__(self, path: Path):
        self.path = path
        with self._explained():
            processes = path.parent / "processes"
            processes.mkdir(parents=True, exist_ok=True)
            self._write_lock, self._read_lock = threading.RLock(), threading.RLock()
            with FileLock(path.parent / "opening.lock", timeout=10):  # SQLite's switch to WAL does not wait
                self.presence = Presence(processes)
                try:
                    self._writer, self._reader = self._connect(), self._connect()
                    refuse_foreign(self._writer)
                    migrate(self._writer)
                except BaseException:
                    self.presence.close()
                    raise
        self.interrupt_runs_of_dead_processes()

    def close(self) -> None:
        """Let go of the file. A closed store cannot be used again."""
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()
        self.presence.close()

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

    def latest_experiment(self) -> str | None:
        """The experiment launched last, whoever launched it."""
        rows = self._read("SELECT experiment FROM runs ORDER BY number DESC LIMIT 1")
        return rows[0]["experiment"] if rows else None

    def experiments(self) -> list[ExperimentRecord]:
        """All experiments, the one launched last first."""
        newest = "(SELECT MAX(number) FROM runs WHERE experiment = experiments.id)"  # a clock may jump, a number not
        rows = self._read(f"SELECT * FROM experiments ORDER BY {newest} DESC")
        return [ExperimentRecord(**dict(row)) for row in rows]

    def experiment(self, experiment: str) -> ExperimentRecord:
        """One experiment. Raises StoreError if there is none of that id."""
        rows = self._read("SELECT * FROM experiments WHERE id = ?", experiment)
        if not rows:
            raise StoreError(f"there is no experiment {experiment[:40]!r}; the command `runs` lists what there is")
        return ExperimentRecord(**dict(rows[0]))

    def events(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """All events of a kind, by step, as plain data; `seconds` is the training time at which each happened."""
        rows = self._read("SELECT seconds, body FROM events WHERE run = ? AND kind = ? ORDER BY step", run_id, kind)
        return [_parsed(row["body"]) | {"seconds": row["seconds"]} for row in rows]

    def at_work(self) -> int:
        """How many runs of this process are queued, running or waiting."""
        rows = self._read(f"SELECT COUNT(*) AS runs FROM runs WHERE process = ? AND {AT_WORK}", self.presence.name)
        return int(rows[0]["runs"])

    def waiting_experiments(self) -> list[str]:
        """The experiments of this process with runs that wait for their pilots."""
        mine = (Status.WAITING, self.presence.name)
        rows = self._read("SELECT DISTINCT experiment FROM runs WHERE status = ? AND process = ?", *mine)
        return [row["experiment"] for row in rows]

    def runs_of_worker(self, worker: str) -> list[RunRecord]:
        """The runs that a worker is training."""
        return self._runs("WHERE worker = ? AND status = ?", worker, Status.RUNNING)

    def queue_places(self) -> dict[str, int]:
        """For every queued run, how many queued runs of its process stand before it."""
        by_process: dict[str, list[Place]] = {}
        rows = self._read(f"SELECT {PLACE}, process FROM runs WHERE status = ?", Status.QUEUED)
        for row in rows:
            place = Place(**{key: row[key] for key in row.keys() if key != "process"})  # noqa: SIM118
            by_process.setdefault(row["process"], []).append(place)
        places: dict[str, int] = {}
        for process, queued in by_process.items():
            order = in_turn(queued, *self._turns(process))
            places |= {place.id: before for before, place in enumerate(order)}
        return places

    def seconds_until_start(self, place: int) -> float | None:
        """About how long a queued run waits with so many before it; None before anything has run that could tell.

        Workers are taken to be half through what they train. A run is taken to be as long as those at work and the
        latest ten to finish are on average.
        """
        rows = self._read(
            "SELECT AVG(seconds) AS mean, SUM(busy) AS busy FROM (SELECT * FROM (SELECT wall_seconds AS seconds, "
            "0 AS busy FROM runs WHERE status = ? ORDER BY number DESC LIMIT 10) UNION ALL "
            "SELECT IIF(step > 0 AND total_steps > 0, wall_seconds * total_steps / step, NULL), 1 "
            "FROM runs WHERE status = ?)",
            Status.FINISHED, Status.RUNNING,
        )  # fmt: skip
        mean, busy = rows[0]["mean"], rows[0]["busy"]
        return None if mean is None or not busy else float(mean) * (0.5 + place // busy)

    # What people change

    def add(self, new_runs: Iterable[NewRun], kind: Kind = "compare", owner: str = HOST) -> list[str]:
        """Queue runs for this process, all or none. Returns their ids. `kind` is that of an experiment not yet there.

        Raises StoreError if the owner has, or all have, too many at work, and ConfigError if a run is too large.
        """
        ids = []
        new_runs = list(new_runs)
        check_size(owner, [new.config for new in new_runs])
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._write() as db:
            self._admit(owner, len(new_runs))
            for new in new_runs:
                ids.append(uuid.uuid4().hex[:10])
                db.execute("INSERT OR IGNORE INTO experiments (id, kind, created_at) VALUES (?, ?, ?)",
                           (new.experiment, kind, now))  # fmt: skip
                db.execute(
                    "INSERT INTO runs (id, number, experiment, arm, condition, pilot, name, config, status, process, "
                    "created_at, owner) "
                    "VALUES (?, (SELECT COALESCE(MAX(number), 0) + 1 FROM runs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (ids[-1], new.experiment, new.arm, new.condition, new.pilot, one_line(new.name) or UNNAMED,
                     new.config.model_dump_json(), new.status, self.presence.name, now, owner),
                )  # fmt: skip
        return ids

    def mark_extended(self, experiment: str) -> None:
        """Remember that seeds were added to an experiment after its launch."""
        with self._write() as db:
            db.execute("UPDATE experiments SET extended = 1 WHERE id = ?", (experiment,))

    def release(self, run_id: str, config: RunConfig) -> None:
        """Queue a waiting run with what its config has become; it keeps its place."""
        with self._write() as db:
            db.execute("UPDATE runs SET status = ?, config = ? WHERE id = ? AND status = ?",
                       (Status.QUEUED, config.model_dump_json(), run_id, Status.WAITING))  # fmt: skip

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name; whatever its characters, it is stored as text."""
        self._set(run_id, name=one_line(name) or UNNAMED)

    def tag(self, run_id: str, tags: str) -> None:
        """Replace a run's tags."""
        self._set(run_id, tags=one_line(tags))

    def refuse_strangers(self, run_ids: Sequence[str], visitor: str) -> None:
        """Raise StoreError if one of the runs is not this visitor's to change."""
        for run in self.runs(run_ids):
            if not may_change(visitor, run.owner):
                raise StoreError(f"the run {run.name} is somebody else's; only they, or the host, may change it")

    def delete(self, run_ids: Sequence[str], visitor: str = HOST) -> None:
        """Remove runs and their events. Raises StoreError if one is queued or running, or not this visitor's."""
        with self._write() as db:
            self.refuse_strangers(run_ids, visitor)
            for run_id in run_ids:
                if self._runs(f"WHERE id = ? AND {AT_WORK}", run_id):
                    raise StoreError(f"the run {self.run(run_id).name} is still at work; stop it first")
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            db.execute("DELETE FROM experiments WHERE id NOT IN (SELECT experiment FROM runs)")

    def request(self, run_id: str, wish: Status, visitor: str = HOST) -> None:
        """Ask that a run be paused or stopped. A queued run is so at once, a running one at its next event.

        Raises StoreError if the run is not this visitor's.
        """
        with self._write() as db:
            self.refuse_strangers([run_id], visitor)
            db.execute("UPDATE runs SET status = ? WHERE id = ? AND status IN (?, ?)",
                       (wish, run_id, Status.QUEUED, Status.WAITING))  # fmt: skip
            db.execute("UPDATE runs SET request = ? WHERE id = ? AND status = ?", (wish, run_id, Status.RUNNING))

    # What workers write

    def requeue(self, run_id: str, status: Status = Status.QUEUED, visitor: str = HOST, *, anew: bool = False) -> None:
        """Queue a run that stands still, for this process; or let it wait. Raises StoreError if that is too many.

        `anew` takes back all that it has said, so that it starts over.
        """
        still = f"id = ? AND NOT {AT_WORK}"
        with self._write() as db:
            self._admit(visitor, 1)
            if anew:
                db.execute(f"DELETE FROM events WHERE run = (SELECT id FROM runs WHERE {still})", (run_id,))
                db.execute(
                    "UPDATE runs SET step = 0, wall_seconds = 0, images_per_second = NULL, train_loss = NULL, val_accuracy = "
                    f"NULL, test_accuracy = NULL, best_test_accuracy = NULL, sparkline = '[]' WHERE {still}",
                    (run_id,),
                )
            db.execute(
                f"UPDATE runs SET status = ?, process = ?, request = NULL, error = NULL WHERE {still}",
                (status, self.presence.name, run_id),
            )

    def claim(self, server: str | None = None) -> RunRecord | None:
        """Mark the queued run of a server (this process if none is named) whose turn it is as running and return it."""
        server = server or self.presence.name
        if not self._read("SELECT 1 FROM runs WHERE status = ? AND process = ? LIMIT 1", Status.QUEUED, server):
            return None  # without a lock that others would wait for
        with self._write() as db:
            rows = db.execute(f"SELECT {PLACE} FROM runs WHERE status = ? AND process = ?", (Status.QUEUED, server))
            first = next(in_turn([Place(**dict(row)) for row in rows], *self._turns(server, db)), None)
            if first is None:
                return None
            row = db.execute(
                "UPDATE runs SET status = ?, worker = ?, request = NULL, turn = (SELECT MAX(turn) + 1 FROM runs) "
                f"WHERE id = ? RETURNING {COLUMNS}",
                (Status.RUNNING, self.presence.name, first.id),
            ).fetchone()
            return RunRecord(**dict(row))

    def append(
        self, run_id: str, events: Sequence[tuple[float, Event]], wall_seconds: float, speed: float | None,
        turn: int | None = None,
    ) -> str | None:  # fmt: skip
        """Add events, each with its training time, in one transaction. Returns what a person asked of the run, if anything.

        `turn` is that of the worker's claim: if the run is not the worker's any more, nothing is added.
        """
        latest: dict[str, Any] = {}
        for _, event in events:
            latest |= {column: getattr(event, field) for field, column in LATEST.get(event.kind, {}).items()}
        with self._write() as db:
            if turn is not None and not self._runs_still(run_id, turn):
                return Status.INTERRUPTED
            db.executemany(
                "INSERT OR REPLACE INTO events (run, kind, step, seconds, body) VALUES (?, ?, ?, ?, ?)",
                [
                    (run_id, event.kind, event.step, seconds, event.to_json())
                    for seconds, event in events
                    if not isinstance(event, Stepped)  # moves the counter, and is not kept
                ],
            )
            self._set(run_id, wall_seconds=wall_seconds, **latest, **({"images_per_second": speed} if speed else {}))
            row = db.execute("SELECT request FROM runs WHERE id = ?", (run_id,)).fetchone()
        return row["request"] if row else Status.STOPPED

    def end(self, run_id: str, status: Status, error: str | None = None, turn: int | None = None) -> None:
        """The worker lets go of a run, unless it is not the worker's any more (see `append`)."""
        losses = [row["loss"] for row in self.events(run_id, "step") if row["loss"] is not None]
        sparkline = json.dumps(losses[:: max(1, len(losses) // SPARKLINE_POINTS)])
        with self._write():
            if turn is None or self._runs_still(run_id, turn):
                self._set(run_id, status=status, error=error, request=None, sparkline=sparkline)

    def interrupt_runs_of_dead_processes(self) -> None:
        """Mark queued and running runs whose process has died, so that nothing stays `running` for ever."""
        for row in self._read(f"SELECT DISTINCT process FROM runs WHERE {AT_WORK}"):
            if not self.presence.is_alive(row["process"]):
                self.interrupt_runs_of(row["process"])

    def interrupt_runs_of(self, process: str) -> None:
        """Mark all queued and running runs of a process as interrupted."""
        with self._write() as db:
            db.execute(
                f"UPDATE runs SET status = ?, request = NULL WHERE process = ? AND {AT_WORK}",
                (Status.INTERRUPTED, process),
            )

    # How

    def _admit(self, owner: str, new: int) -> None:
        at_work = f"SELECT COUNT(*), COALESCE(SUM(owner = ?), 0) FROM runs WHERE {AT_WORK}"
        everybodys, theirs = self._writer.execute(at_work, (owner,)).fetchone()
        if why := queue_refusal(owner, new, theirs, everybodys):
            raise StoreError(why)

    def _turns(self, process: str, db: sqlite3.Connection | None = None) -> tuple[Place | None, dict[str, int]]:
        """The run that a process claimed last, and the latest claim of each owner."""
        last = f"SELECT {PLACE} FROM runs WHERE process = ? AND turn > 0 ORDER BY turn DESC LIMIT 1"
        owners = "SELECT owner, MAX(turn) AS turn FROM runs WHERE process = ? GROUP BY owner"
        read = (
            (lambda query: db.execute(query, (process,)).fetchall()) if db else lambda query: self._read(query, process)
        )
        return next((Place(**dict(row)) for row in read(last)), None), {
            row["owner"]: row["turn"] for row in read(owners)
        }

    def _runs_still(self, run_id: str, turn: int) -> bool:
        return bool(
            self._writer.execute(
                "SELECT 1 FROM runs WHERE id = ? AND turn = ? AND status = ?", (run_id, turn, Status.RUNNING)
            ).fetchone()
        )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a checkpoint on disk must not be ahead of the events on disk
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _runs(self, clause: str, *values: object) -> list[RunRecord]:
        return [RunRecord(**dict(row)) for row in self._read(f"SELECT {COLUMNS} FROM runs {clause}", *values)]

    def _read(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._read_lock, self._explained():
            return self._reader.execute(query, values).fetchall()

    def _set(self, run_id: str, **columns: object) -> None:
        with self._write() as db:
            assignments = ", ".join(f"{column} = ?" for column in columns)
            db.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*columns.values(), run_id))

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A transaction; inside another one, a part of it."""
        with self._write_lock, self._explained():
            if self._writer.in_transaction:
                yield self._writer
                return
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the database {self.path} cannot be used ({error}); {remedy(error)}, or choose another folder with "
                "VIT_LAB_HOME"
            ) from error


def remedy(error: Exception) -> str:
    """What a person can do about what SQLite or the disk said."""
    said = str(error).lower()
    if isinstance(error, ForeignDatabase) or "not a database" in said:
        return "this is not a database of the lab: move the file away, and an empty one is made in its place"
    if "malformed" in said:
        return "the file is damaged: stop the lab, move it away with its -wal and -shm, and go on with a copy or anew"
    if "locked" in said or "busy" in said:
        return "another program holds it: close that program and try again"
    return "check that the folder is writable and has space"


def one_line(text: str) -> str:
    """What a person typed, on one line and not endless."""
    return " ".join(text.encode("utf-8", "replace").decode().split())[
        :LONGEST_NAME
    ]  # half a character cannot be stored


def _parsed(body: str) -> dict[str, Any]:
    event: dict[str, Any] = _parsed_before(body) if len(body) <= LONGEST_KEPT else json.loads(body)
    return event


@lru_cache(maxsize=20_000)  # of 40 runs and more; a few hundred bytes each
def _parsed_before(body: str) -> Any:
    """Whoever watches a run asks each second for all of its losses, and most of them are those of before."""
    return json.loads(body)
