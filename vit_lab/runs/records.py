"""A stored run, as screens and scripts see it."""

import json
import math
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import NoneType
from typing import Literal, get_args, get_type_hints

from vit_lab.config import RunConfig
from vit_lab.runs.states import ACTIVE, ENDED, RESUMABLE, Status
from vit_lab.settings import ConfigError, parse
from vit_lab.spelling import arm_label, fork_words

LARGEST_LOSS = 1e300  # of those that a sparkline shows
Kind = Literal["compare", "sweep", "claim"]


@dataclass(frozen=True)
class NewRun:
    """A run to be queued. Runs that are launched to be compared share `experiment`.

    `arm` and `condition` are its places in the experiment's arms and conditions, from 0.
    """

    config: RunConfig
    name: str
    experiment: str
    arm: int = 0
    condition: int = 0
    pilot: bool = False
    status: Status = Status.QUEUED


@dataclass(frozen=True)
class ExperimentRecord:
    """One row of the table of experiments."""

    id: str
    kind: Kind
    extended: int
    created_at: str


@dataclass(frozen=True)
class RunRecord:
    """One row of the table of runs; the fields are the columns (see `vit_lab.runs.migrations`)."""

    id: str
    number: int
    experiment: str
    arm: int
    name: str
    tags: str
    config_json: str
    status: str
    process: str
    request: str | None
    error: str | None
    created_at: str
    wall_seconds: float
    images_per_second: float | None
    step: int
    total_steps: int | None
    train_loss: float | None
    val_accuracy: float | None
    test_accuracy: float | None
    sparkline: str
    condition: int
    pilot: int
    best_test_accuracy: float | None
    owner: str = ""
    turn: int = 0
    worker: str = ""
    node: str = ""

    @cached_property
    def config(self) -> RunConfig:
        """The run's settings. Raises ConfigError if the stored text is not valid any more."""
        return _parsed(self.config_json)

    @cached_property
    def unreadable(self) -> str | None:
        """Why the stored settings are not valid here, as another version may have left them; None if they are."""
        try:
            self.config  # noqa: B018
        except ConfigError as error:
            return str(error)
        return None

    @property
    def losses(self) -> list[float]:
        """The training loss at a few moments, once it has ended; none if what is stored is no list of numbers."""
        try:
            found = json.loads(self.sparkline)
        except (TypeError, ValueError, RecursionError):
            return []
        numbers = found if isinstance(found, list) else []
        return [float(number) for number in numbers if isinstance(number, int | float) and abs(number) < LARGEST_LOSS]

    @property
    def planned_steps(self) -> int:
        """Steps of the whole run: what it has said itself, or, before its start, what its settings ask for."""
        return self.total_steps or self.config.optim.total_steps(self.config.train_images)

    @property
    def is_active(self) -> bool:
        """Whether some process is, or will be, at work on it."""
        return self.status in ACTIVE

    @property
    def is_resumable(self) -> bool:
        """Whether it stands still without a result, and can go on."""
        return self.status in RESUMABLE

    @property
    def has_ended(self) -> bool:
        """Whether it has a result, good or bad."""
        return self.status in ENDED


def read_runs(rows: Iterable[sqlite3.Row]) -> list[RunRecord]:
    """Rows of the table of runs, also those that somebody or a broken disk has spoilt: none must take a page.

    A value that cannot be becomes none, and the run's error says so. A row without an id of its own is left out.
    """
    return [_run(row) for row in rows if row["id"] and isinstance(row["id"], str)]


def _run(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    bad = [name for name, kinds in KINDS.items() if not _is_sound(values[name], kinds)]
    if "status" not in bad and values["status"] not in STATES:
        bad.append("status")
    if bad:
        values |= {name: None if NoneType in KINDS[name] else KINDS[name][0]() for name in bad}
        values["error"] = f"its record is damaged: {', '.join(bad)}"
        values |= {"status": Status.FAILED} if "status" in bad else {}
    return RunRecord(**values)


KINDS: dict[str, tuple[type, ...]] = {
    name: get_args(kind) or (kind,) for name, kind in get_type_hints(RunRecord).items()
}
STATES = frozenset(Status)


def _is_sound(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, int | float):
        return (float in kinds or (int in kinds and isinstance(value, int))) and 0 <= value < math.inf
    return isinstance(value, kinds)


@lru_cache(maxsize=2048)
def _parsed(config_json: str) -> RunConfig:
    """Screens ask for the same few configs again and again."""
    return parse(config_json)


def run_name(config: RunConfig) -> str:
    """What a run is called until a person names it."""
    fork = f", {fork_words(config.fork)}" if config.fork else ""
    return f"{arm_label(config.init)}, seed {config.seed}{fork}"
