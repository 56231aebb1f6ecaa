"""The SQLite file of a lab home: its connections, its transactions, and in plain words what can go wrong with it.

Write-ahead logging lets any number of processes read while one writes, and a process killed at any moment leaves a
database that opens, with every committed row in it.
"""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from vit_lab.runs.errors import StoreBusyError, StoreError
from vit_lab.runs.migrations import ForeignDatabase, NewerDatabase, migrate, refuse_foreign
from vit_lab.runs.presence import Presence

BUSY_SECONDS = 10.0  # for which a write waits while another program holds the file


class DatabaseGoneError(OSError):
    """The file was removed, perhaps under a program that still uses it."""


class Database:
    """One file, brought up to date when it is opened. Safe to share between threads.

    Whatever is done with it raises StoreError, in a sentence, if the file cannot be used.

    Attributes:
        presence: this process's sign of life, for as long as the file is open.
    """

    def __init__(self, path: Path):
        self.path = path
        self._opened: tuple[int, int] | None = None
        self._write_lock, self._read_lock = threading.RLock(), threading.RLock()
        with self._explained():
            processes = path.parent / "processes"
            processes.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / "opening.lock", timeout=10):  # SQLite's switch to WAL does not wait
                _refuse_orphaned_log(path)
                _refuse_as_it_is(path)
                self.presence = Presence(processes)
                try:
                    self._writer, self._reader = self._connect(), self._connect()
                    migrate(self._writer)
                    self._opened = _which(path)
                except BaseException:
                    self.presence.close()
                    raise

    @property
    def is_lost(self) -> bool:
        """Whether the file is not where it was: somebody has removed it, or put another in its place."""
        return _which(self.path) != self._opened

    def rescue(self) -> Path:
        """Write all that a lost database holds to a new file beside where it was. Raises StoreError."""
        saved = self.path.with_name(f"{self.path.stem}-rescued-{uuid.uuid4().hex[:8]}{self.path.suffix}")
        with self._write_lock, self._explained():
            saved.parent.mkdir(parents=True, exist_ok=True)
            self._writer.execute("VACUUM INTO ?", (str(saved),))
        return saved

    def shrink(self) -> None:
        """Write the file anew without what is free in it. Takes as much room again meanwhile."""
        with self._write_lock, self._read_lock, self._explained():
            self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file. A closed database cannot be used again."""
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()
        self.presence.close()

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """The rows of a query, as last committed."""
        with self._read_lock, self._explained():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that this thread reads inside is of one moment. In another one, a part of it."""
        with self._read_lock, self._explained():
            if self._reader.in_transaction:
                yield
                return
            self._reader.execute("BEGIN")
            try:
                yield
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("ROLLBACK")  # nothing is written here

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside is kept or none, and nobody else writes meanwhile. In another: a part of it."""
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

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a checkpoint on disk must not be ahead of the events on disk
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            kind = StoreBusyError if is_busy(error) else StoreError
            raise kind(
                f"the database {self.path} cannot be used ({error}); {remedy(error)}, or choose another folder with "
                "VIT_LAB_HOME"
            ) from error


def _refuse_orphaned_log(path: Path) -> None:
    """A file made beside the log of one that is gone would spoil what a program still holds of that one."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and not path.exists():
        raise DatabaseGoneError(f"it is gone, and its log {log.name} is still there")


def _refuse_as_it_is(path: Path) -> None:
    """Refuse a file of somebody else before anything is written to it, be it the mode of its log."""
    if path.exists() and path.stat().st_size:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            refuse_foreign(connection)


def _which(path: Path) -> tuple[int, int] | None:
    """Which file this is, whatever it is called; None if there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def is_busy(error: Exception) -> bool:
    """Whether another program has held the file for longer than SQLite waits."""
    said = str(error).lower()
    return isinstance(error, sqlite3.OperationalError) and ("locked" in said or "busy" in said)


def remedy(error: Exception) -> str:
    """What a person can do about what SQLite or the disk said."""
    said = str(error).lower()
    if isinstance(error, NewerDatabase):
        return "update the lab to the version that wrote it"
    if isinstance(error, DatabaseGoneError):
        return "put it back, or end every program of the lab and move the log away"
    if isinstance(error, ForeignDatabase) or "not a database" in said:
        return "this is not a database of the lab: move the file away, and an empty one is made in its place"
    if "malformed" in said:
        return "the file is damaged: stop the lab, move it away with its -wal and -shm, and go on with a copy or anew"
    if is_busy(error):
        return "another program holds it: close that program and try again"
    return "check that the folder is writable and has space"
