"""What stands in the tables: the columns of runs, which of them some process is at work on, and events as text."""

import json
from dataclasses import fields
from functools import lru_cache
from typing import Any

from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE

RUN_COLUMNS = ", ".join(
    "config AS config_json" if field.name == "config_json" else field.name for field in fields(RunRecord)
)
LONGEST_KEPT = 500  # characters of an event that is kept parsed
AT_WORK = "status IN ('" + "', '".join(ACTIVE) + "')"


def storable(text: str) -> str:
    """A text without half characters, which no database takes."""
    return text.encode("utf-8", "replace").decode()


def parse_event(body: str) -> dict[str, Any] | None:
    """An event as it is stored, as plain data; None if its text is no JSON object."""
    event: dict[str, Any] | None = _parsed_before(body) if len(body) <= LONGEST_KEPT else _read(body)
    return event


@lru_cache(maxsize=20_000)  # of 40 runs and more; a few hundred bytes each
def _parsed_before(body: str) -> Any:
    """Whoever watches a run asks each second for all of its losses, and most of them are those of before."""
    return _read(body)


def _read(body: str) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except (TypeError, ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
