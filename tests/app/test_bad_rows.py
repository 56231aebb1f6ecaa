"""A row that somebody or a broken disk has spoilt: every page opens, shows the others, and says what is wrong."""

import sqlite3

import pytest
from every_kind import EveryKind
from lessons import words_of
from places import COMPARE, FOLDER, RUNS, TRAIN, WEIGHTS

from vit_lab import paths
from vit_lab.runs.records import KINDS
from vit_lab.runs.states import Status

SPOILT = ["nonsense", "", -1, 1e308, float("inf"), b"\xff\x00", 2**62]
CONFIGS = ["", "{}", "[]", "nonsense", '{"model": {"depth": -1}}', "9" * 5000]


def spoil(table: str, column: str, value: object) -> None:
    """Put a value into the newest row of a table, as no part of the lab does."""
    with sqlite3.connect(paths.database()) as db:
        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT MAX(rowid) FROM {table})", (value,))
    db.close()


@pytest.mark.parametrize("value", SPOILT, ids=repr)
def test_a_row_of_nothing_but_nonsense_takes_no_page(every_kind: EveryKind, open_page, value):
    for column in KINDS.keys() - {"id", "number", "config_json"}:
        spoil("runs", column, value)
    for page in (TRAIN, RUNS, COMPARE, WEIGHTS, f"{FOLDER}/learn_attention.py"):
        at = open_page(page)
        assert not at.exception, page
    others = [run for run in every_kind.store.runs() if not run.error or "damaged" not in run.error]
    assert len(others) >= len(every_kind.store.runs()) - 1


@pytest.mark.parametrize("column", sorted(KINDS.keys() - {"id", "number", "config_json"}))
def test_a_spoilt_value_becomes_none_and_is_told(every_kind: EveryKind, column):
    before = every_kind.store.runs()[0]
    is_number = {int, float} & set(KINDS[column])
    for value in (b"\xff\x00", -1 if is_number else b""):
        spoil("runs", column, value)
        run = every_kind.store.run(before.id)
        assert run.error == f"its record is damaged: {column}"
        assert run.status in set(Status)


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "null", "{"])
def test_an_event_that_cannot_be_read_is_passed_over(every_kind: EveryKind, open_page, body):
    with sqlite3.connect(paths.database()) as db:
        db.execute("UPDATE events SET body = ? WHERE step = 1", (body,))
    db.close()
    for page in (TRAIN, COMPARE, WEIGHTS):
        at = open_page(page)
        assert not at.exception and words_of(at)
