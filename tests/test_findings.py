"""What the pages of docs/ say was measured is what the tables beside them hold."""

import csv

import pytest

from benchmarks import finding_tables, posters
from vit_lab.analysis.findings import FINDINGS, findings
from vit_lab.paths import top
from vit_lab.runs.ready_rounds import READY, measured, table

APART = {"005": ["norm"], "006": ["dataset", "optimiser"], "007": ["dataset"], "004": []}  # settings with tables apart
MADE = [number for number in findings() if number in APART]


def rows(text):
    """The rows of all Markdown tables but their heads."""
    lines = text.splitlines()
    below = [*lines[1:], ""]
    parts = zip(lines, below, strict=True)
    return [line for line, under in parts if line.startswith("| ") and "| ---" not in line + under]


@pytest.mark.parametrize("number", MADE)
def test_every_row_of_a_finding_is_what_its_tables_come_to(number):
    finding = findings()[number]
    known = set()
    for file in [finding.table, *FINDINGS.glob(f"{finding.page.stem}-*.csv")]:
        known |= finding_tables.every_row(file, APART[number])
    expected = finding.text.partition("## What was expected")[0]
    assert rows(expected) and not set(rows(expected)) - known


@pytest.mark.parametrize("name", READY)
def test_what_a_ready_round_came_to_is_worked_out_from_its_runs(name):
    with table().open(encoding="utf-8") as file:
        kept = {row["round"]: row for row in csv.DictReader(file)}
    assert kept[name] == {field: str(value) for field, value in posters.line(name).items()}
    experiment, found = posters.outcome(name)
    assert tuple(experiment.arms.values()) == READY[name].configs and found.test.n >= 10
    assert found.winner is not None and measured()[name].pairs == found.test.n
    assert (posters.POSTERS / f"{name}.svg").is_file()


@pytest.mark.parametrize("name", READY)
def test_teachers_are_told_what_the_runs_of_a_ready_round_came_to(name):
    text = (top() / "docs" / "teaching.md").read_text(encoding="utf-8")
    told = text.partition("## What a class will see")[2].partition("\n## ")[0]
    assert posters.lesson_row(name) in told.splitlines() and len(rows(told)) == len(READY)


def test_what_is_said_of_all_ready_rounds_holds_of_their_runs():
    pairs = {name: posters.outcome(name)[1].differences.values() for name in READY}
    assert {len(found) for found in pairs.values()} == {10}, "measured over ten pairs"
    small_or_large = list(pairs["variance"])
    assert max(small_or_large) < 0, "all ten point the same way,"
    assert min(small_or_large) < 2 * max(small_or_large), "and some are twice as far apart as others"
    assert max(pairs["space-time"]) > 3 * min(pairs["space-time"]), "seeds differ widely"
