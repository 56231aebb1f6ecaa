"""What screens list: the newest of many runs and experiments. Each answer takes as long with ten thousand as with ten.

All there are, `vit_lab.runs.store.Store.runs` has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from vit_lab.runs.database import Database
from vit_lab.runs.records import ExperimentRecord, Kind, RunRecord, read_runs
from vit_lab.runs.rows import AT_WORK, RUN_COLUMNS

MOST_RUNS = 1_000  # of the experiments that a box lists
SEARCHED = "name, tags, status, config"
COLUMNS = tuple(field.name for field in fields(ExperimentRecord))


@dataclass(frozen=True)
class Found:
    """The newest of some runs, and how many there are in all."""

    runs: tuple[RunRecord, ...]
    count: int


class Listing:
    """Asked of the store, see `Store.listing`."""

    def __init__(self, database: Database):
        self._database = database

    def runs(self, most: int, words: str = "", owner: str | None = None) -> Found:
        """The newest runs whose name, tags, state or settings hold every word; of one person, if one is given."""
        of, values = ("", []) if owner is None else ("WHERE owner = ?", [owner])
        if not words.split():
            [count] = self._database.read(f"SELECT COUNT(*) AS found FROM runs {of}", *values)
            return Found(self._runs(f"{of} ORDER BY number DESC LIMIT ?", *values, most), count["found"])
        rows = self._database.read(f"SELECT number, {SEARCHED} FROM runs {of} ORDER BY number DESC", *values)
        wanted = words.lower().split()
        numbers = [row["number"] for row in rows if _holds(row, wanted)]
        places = ", ".join("?" * len(numbers[:most]))
        return Found(self._runs(f"WHERE number IN ({places}) ORDER BY number DESC", *numbers[:most]), len(numbers))

    def experiments(
        self, kind: Kind | None = None, first: str | None = None, also: str | None = None
    ) -> tuple[list[tuple[ExperimentRecord, list[RunRecord]]], int]:
        """The newest experiments with their runs, by arm: as many as have `MOST_RUNS` runs together, but one at least.

        And how many others there are.

        Args:
            kind: of this kind alone.
            first: whose experiments come before all others.
            also: one that is among them in any case, of whatever kind, if it is there.
        """
        query = """
            SELECT experiments.*, COUNT(*) AS runs, MAX(number) AS newest, MAX(owner = ?) AS theirs
            FROM experiments JOIN runs ON runs.experiment = experiments.id
            GROUP BY experiments.id ORDER BY theirs DESC, newest DESC
        """
        rows = [dict(row) for row in self._database.read(query, first)]
        rows = [row for row in rows if kind is None or row["kind"] == kind or row["id"] == also]
        chosen: list[dict[str, Any]] = []
        room = MOST_RUNS
        for row in rows:
            room -= row["runs"]
            if room >= 0 or not chosen or row["id"] == also:
                chosen.append(row)
        members: dict[str, list[RunRecord]] = {row["id"]: [] for row in chosen}
        places = ", ".join("?" * len(members))
        for run in self._runs(f"WHERE experiment IN ({places}) ORDER BY arm, number", *members):
            members[run.experiment].append(run)
        records = [ExperimentRecord(**{name: row[name] for name in COLUMNS}) for row in chosen]
        return [(record, members[record.id]) for record in records], len(rows) - len(chosen)

    def at_work(self) -> tuple[RunRecord, ...]:
        """The runs that some process is, or will be, at work on, newest first."""
        return self._runs(f"WHERE {AT_WORK} ORDER BY number DESC")

    def _runs(self, clause: str, *values: object) -> tuple[RunRecord, ...]:
        return tuple(read_runs(self._database.read(f"SELECT {RUN_COLUMNS} FROM runs {clause}", *values)))


def _holds(row: Any, words: Iterable[str]) -> bool:
    text = f"{row['name']} {row['tags']} {row['status']} {row['config']}".lower()
    return all(word in text for word in words)
