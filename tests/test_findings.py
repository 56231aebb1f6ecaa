"""What the pages of docs/ say was measured is what the tables beside them hold."""

import csv

import pytest

from benchmarks import finding_tables, posters
from vit_lab.analysis.findings import FINDINGS, findings
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
