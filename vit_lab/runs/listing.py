"""What screens list: the newest of many runs and experiments. Of ten thousand, few are read whole and have their
settings parsed.

All there are, `vit_lab.runs.store.Store.runs` has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from vit_lab.runs.database import Database
from vit_lab.runs.records import ExperimentRecord, Kind, RunRecord, read_runs
from vit_lab.runs.rows import AT_WORK, RUN_COLUMNS

MOST_RUNS = 1_000  # of the experiments that a box lists; half of them somebody's own, where they have as many
FEWEST = 10  # experiments, however many runs they have
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
        self, kind: Kind | None = None, first: str | None = None, also: str | None = None, least: int = 1
    ) -> tuple[list[tuple[ExperimentRecord, list[RunRecord]]], int]:
        """The newest experiments with their runs, by arm: about as many as have `MOST_RUNS` runs together.

        And how many others there are.

        Args:
            kind: of this kind alone.
            first: whose experiments come before all others.
            also: one that is among them in any case, of whatever kind, if it is there.
            least: how many runs an experiment has at least.
        """
        query = """
            SELECT experiments.*, COUNT(*) AS runs, MAX(number) AS newest, MAX(owner = ?) AS theirs
            FROM experiments JOIN runs ON runs.experiment = experiments.id
            GROUP BY experiments.id ORDER BY theirs DESC, newest DESC
        """
        rows = [dict(row) for row in self._database.read(query, first)]
        rows = [
            row for row in rows if row["id"] == also or ((kind is None or row["kind"] == kind) and row["runs"] >= least)
        ]
        own = _as_fit([row for row in rows if row["theirs"]], MOST_RUNS // 2)
        others = _as_fit([row for row in rows if not row["theirs"]], MOST_RUNS - sum(row["runs"] for row in own))
        listed = {row["id"] for row in own + others} | {also}
        chosen = [row for row in rows if row["id"] in listed]
        members: dict[str, list[RunRecord]] = {row["id"]: [] for row in chosen}
        places = ", ".join("?" * len(members))
        for run in self._runs(f"WHERE experiment IN ({places}) ORDER BY arm, number", *members):
            members[run.experiment].append(run)
        records = [ExperimentRecord(**{name: row[name] for name in COLUMNS}) for row in chosen]
        return [(record, members[record.id]) for record in records], len(rows) - len(chosen)

    def at_work(self) -> tuple[RunRecord, ...]:
        """The runs that some process is, or will be, at work on, newest first."""
        return self._runs(f"WHERE {AT_WORK} ORDER BY number DESC")

    def forks(self) -> tuple[RunRecord, ...]:
        """The runs that go on from another, or from one of those."""
        return self._runs("""WHERE config LIKE '%"fork":{%' ORDER BY number DESC""")

    def _runs(self, clause: str, *values: object) -> tuple[RunRecord, ...]:
        return tuple(read_runs(self._database.read(f"SELECT {RUN_COLUMNS} FROM runs {clause}", *values)))


def _as_fit(rows: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """The first experiments, and of later ones those whose runs still have room."""
    chosen: list[dict[str, Any]] = []
    for row in rows:
        if row["runs"] <= room or len(chosen) < FEWEST:
            chosen.append(row)
            room -= row["runs"]
    return chosen


def _holds(row: Any, words: Iterable[str]) -> bool:
    text = f"{row['name']} {row['tags']} {row['status']} {row['config']}".lower()
    return all(word in text for word in words)
