"""What stands in the tables: the columns of runs, which of them some process is at work on, and events as text."""

import json
import zlib
from dataclasses import fields
from functools import lru_cache
from typing import Any

from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE

RUN_COLUMNS = ", ".join(
    "config AS config_json" if field.name == "config_json" else field.name for field in fields(RunRecord)
)
LONGEST_KEPT = 500  # characters of an event that is kept parsed
WORTH_PACKING = 1_000  # characters of an event: a histogram, or a probe of all places
AT_WORK = "status IN ('" + "', '".join(ACTIVE) + "')"


def storable(text: str) -> str:
    """A text without half characters, which no database takes."""
    return text.encode("utf-8", "replace").decode()


def packed(body: str) -> bytes:
    """The text of an event in fewer bytes; see `vit-lab tidy`."""
    return zlib.compress(body.encode())


def unpacked(body: str | bytes) -> str:
    """The text of an event, as it is stored or packed. Raises ValueError if what is packed is damaged."""
    try:
        return zlib.decompress(body).decode() if isinstance(body, bytes) else body
    except zlib.error as error:
        raise ValueError(f"a packed event is damaged ({error})") from error


def parse_event(body: str | bytes) -> dict[str, Any] | None:
    """An event as it is stored, as plain data; None if its text is no JSON object."""
    try:
        text = unpacked(body)
    except (TypeError, ValueError):
        return None
    event: dict[str, Any] | None = _parsed_before(text) if len(text) <= LONGEST_KEPT else _read(text)
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
