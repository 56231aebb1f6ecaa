"""The rows of whole experiments, as plain data: out of one database and into another. See `vit_lab.runs.bundles`."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vit_lab.runs.database import Database
from vit_lab.runs.errors import StoreError
from vit_lab.runs.limits import HOST
from vit_lab.runs.rounds import new_code, now
from vit_lab.runs.rows import AT_WORK, WORTH_PACKING, packed, unpacked

Row = dict[str, Any]

# How the rows of a table belong to experiments; `{}` stands for their ids. A table comes after those it refers to. What
# a migration adds, and what belongs to experiments, has its line here; then it travels with them.
TABLES = {
    "experiments": "id IN ({})",
    "runs": "experiment IN ({}) ORDER BY number",
    "events": "run IN (SELECT id FROM runs WHERE experiment IN ({})) ORDER BY run, kind, step",
    "rounds": "id IN ({}) ORDER BY number",
    "players": "round IN ({}) ORDER BY rowid",
    "guesses": "round IN ({}) ORDER BY round, seed",
}
TO_PACK = (
    "SELECT kind, step, body FROM events WHERE run = ? AND typeof(body) = 'text' AND length(body) > ? "
    f"AND run NOT IN (SELECT id FROM runs WHERE {AT_WORK})"
)
# What a row becomes where it arrives: of another machine's processes, queue and people nothing is left.
ON_ARRIVAL: Mapping[str, Row] = {
    "runs": {"process": "", "request": None, "owner": HOST, "turn": 0, "worker": "", "node": ""}
}


class Tables:
    """All that the database holds of an experiment."""

    def __init__(self, database: Database):
        self._database = database

    def rows(self, table: str, experiments: Sequence[str]) -> Iterator[Row]:
        """The rows of a table that belong to some experiments, in an order that does not change. Raises StoreError."""
        query = f"SELECT * FROM {table} WHERE {TABLES[table].format(', '.join('?' * len(experiments)))}"
        for row in map(dict, self._database.read(query, *experiments)):
            try:
                yield row | {"body": unpacked(row["body"])} if table == "events" else row
            except ValueError as error:
                raise StoreError(
                    f"{error}, of the run {row['run']} at step {row['step']}; start that run over"
                ) from error

    def are_at_work(self, experiments: Sequence[str]) -> bool:
        """Whether some process is, or will be, at work on a run of some experiments."""
        wanted = ", ".join("?" * len(experiments))
        query = f"SELECT 1 FROM runs WHERE experiment IN ({wanted}) AND {AT_WORK} LIMIT 1"
        return bool(self._database.read(query, *experiments))

    def pack_events(self) -> int:
        """Pack the long events of all runs that nobody is at work on, which are read as before; returns how many."""
        count = 0
        for row in self._database.read("SELECT id FROM runs"):
            with self._database.transaction() as db:  # one a run, so that nobody waits long
                found = db.execute(TO_PACK, (row["id"], WORTH_PACKING)).fetchall()
                rows = [(packed(one["body"]), row["id"], one["kind"], one["step"]) for one in found]
                db.executemany("UPDATE events SET body = ? WHERE run = ? AND kind = ? AND step = ?", rows)
            count += len(rows)
        return count

    def shrink(self) -> None:
        """Give the disk back what the file does not need any more."""
        self._database.shrink()

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns."""
        return {str(row["name"]) for row in self._database.read(f"PRAGMA table_info({table})")}

    def insert(self, table: str, row: Row) -> None:
        """Add a row that has come from elsewhere, within a transaction.

        Columns that it lacks have their standard values. A round takes no guesses here, for who guessed elsewhere is
        nobody here; and if its code is another's, it has a new one. Raises StoreError for a row that cannot be.
        """
        values = row | ON_ARRIVAL.get(table, {})
        with self._database.transaction() as db:
            if table in ("runs", "rounds"):
                values["number"] = db.execute(f"SELECT COALESCE(MAX(number), 0) + 1 FROM {table}").fetchone()[0]
            if table == "rounds":
                values |= {"code": _free_code(db, values["code"]), "closed_at": values.get("closed_at") or now()}
            names, places = ", ".join(values), ", ".join("?" * len(values))
            try:
                db.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))
            except (sqlite3.IntegrityError, OverflowError, UnicodeEncodeError) as error:
                raise StoreError(f"a row of {table} cannot be ({error}); export the bundle again") from error


def _free_code(db: sqlite3.Connection, wanted: str) -> str:
    """The code that a round has had, or a new one if that is taken here."""
    taken = {row["code"] for row in db.execute("SELECT code FROM rounds")}
    return wanted if wanted not in taken else next(code for code in iter(new_code, None) if code not in taken)
