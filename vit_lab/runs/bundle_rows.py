"""The rows of a bundle as they arrive: each is one that its table could have here, or the bundle is refused.

A hash finds damage, not nonsense, and one row of nonsense would take pages from everybody.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from vit_lab.runs.errors import BundleError, StoreError
from vit_lab.runs.limits import MIB
from vit_lab.runs.records import Kind
from vit_lab.runs.rounds import CODE_LENGTH, LETTERS, LONGEST_QUESTION, MOST_POINTS, checked_nickname
from vit_lab.runs.states import Status
from vit_lab.runs.tables import Row
from vit_lab.settings import PART_OF, parse

RUN_ID = r"[0-9a-z_-]{1,64}"  # names a file; capitals would name that of another run where the disk ignores case
LONGEST_ROW, LONGEST_TEXT = 8 * MIB, 200  # bytes of a line; letters of an id or a kind
YEARS = range(1970, 9999)  # that every clock and calendar can tell
Check = Callable[[Any], bool]


def read_rows(table: str, columns: set[str], file: Path) -> Iterator[Row]:
    """The rows of a table, whose columns are known, as they were written; none if there is no file.

    Raises BundleError for what cannot be a row here.
    """
    if not file.is_file():
        return
    with file.open("rb") as lines:
        while line := lines.readline(LONGEST_ROW + 1):
            if len(line) > LONGEST_ROW:
                raise BundleError(f"the bundle has a row of {table} that is longer than {LONGEST_ROW // MIB} MiB")
            try:
                row = json.loads(line.decode())
            except (ValueError, RecursionError) as error:
                raise BundleError(f"the bundle is damaged: rows of {table} are no JSON; export it again") from error
            if not isinstance(row, dict) or not row.keys() <= columns or not all(map(_is_plain, row.values())):
                raise BundleError(f"the bundle has rows of {table} that are unknown here; update this lab")
            for name, can_be in NEEDED[table].items():
                if not can_be(row.get(name)):
                    told = repr(row.get(name))[:60]
                    raise BundleError(f"the bundle has a row of {table} whose {name} cannot be {told}; export it again")
            yield row


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _is_any_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT


def _is_run_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(RUN_ID, value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf


def _is_moment(value: Any) -> bool:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(value).year in YEARS
    return False


def _is_moment_or_none(value: Any) -> bool:
    return value is None or _is_moment(value)


def _is_points(value: Any) -> bool:
    return _is_number(value) and value <= MOST_POINTS


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(f"[{LETTERS}]{{{CODE_LENGTH}}}", value) is not None


def _is_question(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_QUESTION


def _is_nickname(value: Any) -> bool:
    with suppress(StoreError):
        return isinstance(value, str) and checked_nickname(value) == value
    return False


def _is_pair(value: Any) -> bool:
    """Whether this is the settings of two runs, as JSON, that can be read here."""
    with suppress(ValueError, TypeError, RecursionError):
        arms = json.loads(value)
        return isinstance(arms, list) and len([parse(arm) for arm in arms]) == 2
    return False


def _names_settings(kind: type[list[str]] | type[dict[str, object]]) -> Check:
    """Whether a text is settings, as JSON: their names in a list, or an object of their values."""

    def does(value: Any) -> bool:
        with suppress(ValueError, TypeError, RecursionError):
            found = json.loads(value)
            return isinstance(found, kind) and set(found) <= PART_OF.keys()
        return False

    return does


# What a row must have, beside what the database asks of it.
NEEDED: Mapping[str, Mapping[str, Check]] = {
    "experiments": {"id": _is_text, "kind": lambda kind: kind in get_args(Kind), "created_at": _is_moment},
    "runs": {
        "id": _is_run_id,
        "experiment": _is_text,
        "status": lambda status: status in tuple(Status),
        "created_at": _is_moment,
    },
    "events": {"run": _is_run_id, "kind": _is_text, "step": _is_count, "seconds": _is_number, "body": _is_any_text},
    "rounds": {
        "id": _is_text,
        "code": _is_code,
        "question": _is_question,
        "arms_json": _is_pair,
        "free_json": _names_settings(list),
        "created_at": _is_moment,
        "closed_at": _is_moment_or_none,
        "revealed_at": _is_moment_or_none,
        "archived_at": _is_moment_or_none,
    },
    "players": {"round": _is_text, "visitor": _is_any_text, "nickname": _is_nickname, "joined_at": _is_moment},
    "guesses": {
        "round": _is_text,
        "visitor": _is_any_text,
        "seed": _is_count,
        "condition": _is_count,
        "settings_json": _names_settings(dict),
        "points": _is_points,
        "guessed_at": _is_moment,
    },
}
