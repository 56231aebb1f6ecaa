"""The fair queue of runs: visitors take turns, and within a visitor the first to come is the first served.

A turn is one run, or, so that what is compared trains side by side, the arms of one seed of an experiment (see
docs/decisions/011). `in_turn` is the rule; `Queue` applies it to what the database holds.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from vit_lab.runs.database import Database
from vit_lab.runs.records import RunRecord, read_runs
from vit_lab.runs.rows import AT_WORK, RUN_COLUMNS
from vit_lab.runs.states import Status


@dataclass(frozen=True)
class Place:
    """What the queue needs to know of a run. `turn` is 0 until a worker takes it; takings are numbered."""

    id: str
    number: int
    owner: str
    experiment: str
    condition: int
    arm: int
    pilot: int
    turn: int


def in_turn(queued: Sequence[Place], last: Place | None, turns: Mapping[str, int]) -> Iterator[Place]:
    """Queued runs in the order in which workers will take them.

    `last` is the run taken last, and `turns` the latest turn of each owner that has had one.
    """
    lines: dict[str, deque[Place]] = {}
    for place in sorted(queued, key=lambda place: place.number):
        lines.setdefault(place.owner, deque()).append(place)
    latest = dict(turns)
    now = max(latest.values(), default=0)
    while lines:
        if last and last.owner in lines and same_turn(last, lines[last.owner][0]):
            owner = last.owner
        else:
            owner = min(lines, key=lambda one: (latest.get(one, 0), lines[one][0].number))
        last = lines[owner].popleft()
        now += 1
        latest[owner] = now
        if not lines[owner]:
            del lines[owner]
        yield last


def same_turn(last: Place, following: Place) -> bool:
    """Whether a run is a further arm of the seed that its owner's last run began."""
    return (
        (following.owner, following.experiment, following.condition) == (last.owner, last.experiment, last.condition)
        and following.arm > last.arm
        and not following.pilot
    )


PLACE = ", ".join(field.name for field in fields(Place))
QUEUED = f"SELECT {PLACE} FROM runs WHERE status = '{Status.QUEUED}' AND process = ?"
TAKEN_LAST = f"SELECT {PLACE} FROM runs WHERE process = ? AND turn > 0 ORDER BY turn DESC LIMIT 1"
LATEST_TURNS = "SELECT owner, MAX(turn) AS turn FROM runs WHERE process = ? GROUP BY owner"
TAKE = (
    "UPDATE runs SET status = ?, worker = ?, node = '', request = NULL, turn = (SELECT MAX(turn) + 1 FROM runs) "
    f"WHERE id = ? RETURNING {RUN_COLUMNS}"
)
# How long a run is in seconds, by the ten latest to finish and by those at work, of which each makes one worker busy.
LENGTHS = f"""
    SELECT AVG(seconds) AS mean, SUM(busy) AS busy FROM (
        SELECT * FROM (
            SELECT wall_seconds AS seconds, 0 AS busy FROM runs
            WHERE status = '{Status.FINISHED}' ORDER BY number DESC LIMIT 10
        )
        UNION ALL
        SELECT IIF(step > 0 AND total_steps > 0, wall_seconds * total_steps / step, NULL), 1
        FROM runs WHERE status = '{Status.RUNNING}'
    )
"""


class Queue:
    """The queued runs of every process of a lab home: each process has a line of its own, and workers take from one."""

    def __init__(self, database: Database):
        self._database = database
        self._me = database.presence.name

    def take(self, server: str | None = None) -> RunRecord | None:
        """Mark the queued run of a server (this process if none is named) whose turn it is as running and return it."""
        server = server or self._me
        if not self._database.read(f"{QUEUED} LIMIT 1", server):
            return None  # without a lock that others would wait for
        with self._database.transaction() as db:
            first = next(self._in_turn(server), None)
            if first is None:
                return None
            [taken] = read_runs(db.execute(TAKE, (Status.RUNNING, self._me, first.id)))
            return taken

    def places(self) -> dict[str, int]:
        """For every queued run, how many queued runs of its process stand before it."""
        processes = self._database.read("SELECT DISTINCT process FROM runs WHERE status = ?", Status.QUEUED)
        lines = (self._in_turn(process) for (process,) in processes)
        return {place.id: before for line in lines for before, place in enumerate(line)}

    def seconds_until_start(self, place: int) -> float | None:
        """About how long a queued run waits with so many before it; None before anything has run that could tell.

        Workers are taken to be half through what they train. A run is taken to be as long as those at work and the
        latest ten to finish are on average.
        """
        ((mean, busy),) = self._database.read(LENGTHS)
        return None if mean is None or not busy else float(mean) * (0.5 + place // busy)

    def at_work(self) -> int:
        """How many runs of this process are queued, running or waiting."""
        ((runs,),) = self._database.read(f"SELECT COUNT(*) FROM runs WHERE process = ? AND {AT_WORK}", self._me)
        return int(runs)

    def load(self, owner: str) -> tuple[int, int]:
        """How many runs are queued, running or waiting: those of an owner, and those of everybody."""
        counts = f"SELECT COALESCE(SUM(owner = ?), 0), COUNT(*) FROM runs WHERE {AT_WORK}"
        ((theirs, everybodys),) = self._database.read(counts, owner)
        return int(theirs), int(everybodys)

    def _in_turn(self, process: str) -> Iterator[Place]:
        queued, last = (
            [Place(**dict(row)) for row in self._database.read(query, process)] for query in (QUEUED, TAKEN_LAST)
        )
        turns = {row["owner"]: row["turn"] for row in self._database.read(LATEST_TURNS, process)}
        return in_turn(queued, last[0] if last else None, turns)
