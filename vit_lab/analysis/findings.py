"""What this lab has measured and keeps in docs/findings, read back from its tables."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vit_lab import paths
from vit_lab.analysis.comparison import Comparison, compare
from vit_lab.analysis.scores import scores_of
from vit_lab.config import RunConfig
from vit_lab.model_config import KINDS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import Kind, RunRecord
from vit_lab.settings import PART_OF, parse

FINDINGS = paths.top() / "docs" / "findings"
CLAIM_TABLE, SPACE_TIME_TABLE = FINDINGS / "001-the-claim.csv", FINDINGS / "002-space-time.csv"
NOT_YET = "**Not measured yet.**"  # how the page of a finding begins of which there is only the expectation
RUN_ID = "run_id"  # a column of tables that hold runs


@dataclass(frozen=True)
class Finding:
    """A page of docs/findings: its number, such as "001", its title, its text in Markdown, and where it is."""

    number: str
    title: str
    text: str
    page: Path

    @property
    def table(self) -> Path | None:
        """Its numbers as CSV, if it has any."""
        return _if_there(self.page.with_suffix(".csv"))

    @property
    def files(self) -> dict[str, Path]:
        """All its tables and reports, also those of further experiments, by what a button calls them."""
        kinds = {".csv": "numbers", ".html": "report"}
        found = [file for file in self.page.parent.glob(f"{self.page.stem}*") if file.suffix in kinds]
        found.sort(key=lambda file: (len(file.stem), file.suffix))
        told = [(kinds[file.suffix], file.stem.removeprefix(self.page.stem).replace("-", ", "), file) for file in found]
        return {f"Its {kind}{which} ({file.suffix[1:].upper()})": file for kind, which, file in told}

    @property
    def experiment(self) -> Experiment | None:
        """Its runs, if its table holds runs."""
        table = self.table
        if table is None or not table.read_text(encoding="utf-8").startswith(RUN_ID):
            return None
        return experiment_in(table)


def findings(folder: Path = FINDINGS) -> dict[str, Finding]:
    """All findings that have been measured, by number."""
    found = {}
    for page in sorted(folder.glob("[0-9][0-9][0-9]-*.md")):
        heading, _, text = page.read_text(encoding="utf-8").partition("\n")
        told = re.fullmatch(r"# (\d{3}): (.+)", heading)
        if told and NOT_YET not in text:
            found[told[1]] = Finding(told[1], told[2], text.strip(), page)
    return found


def experiment_in(file: Path, kind: Kind = "compare") -> Experiment | None:
    """The experiment whose runs a table holds, one a row, as `--csv` writes it; None if the table is not here.

    So what a finding says is worked out by what works out every experiment. A setting that a table of an earlier day
    lacks has the value that it had before there was a choice, its standard one.
    """
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as lines:
        runs = [_run(number, row) for number, row in enumerate(csv.DictReader(lines), 1)]
    runs.sort(key=lambda run: (run.arm, run.number))
    return Experiment(tuple(runs), runs[0].experiment, kind)


def claim_findings(file: Path = CLAIM_TABLE) -> dict[str, Comparison]:
    """Finding 001: `xavier` minus `linear-default` on each task and size, empty if the table is not here.

    A label tells data set and training images; "noisy" has 40 % of the training labels replaced at random.
    """
    experiment = experiment_in(file, "claim")
    if experiment is None:
        return {}
    found = compare(experiment, scores_of(experiment))
    return {_data_words(experiment, comparison.condition): comparison for comparison in found}


def space_time_findings(file: Path = SPACE_TIME_TABLE) -> pd.DataFrame | None:
    """Finding 002: the cost of a step of joint and of divided attention by number of frames; None if it is not here.

    Columns: frames, joint_ms, divided_ms, and joint over divided as measured (ratio), by all multiplications
    (macs_ratio) and by the attention scores alone (scores_ratio).
    """
    return pd.read_csv(file) if file.is_file() else None


def _if_there(file: Path) -> Path | None:
    return file if file.is_file() else None


def _data_words(experiment: Experiment, condition: int) -> str:
    data = experiment.data[condition]
    size = "all" if data.train_size is None else f"{data.train_size:,}"
    return f"{data.dataset}, {size}{', noisy' if data.label_noise else ''}"


def _run(number: int, row: dict[str, str]) -> RunRecord:
    """A run as a row of the table tells it."""

    def measured(field: str) -> float | None:
        return float(row[field]) if row[field] else None

    config = _config(row)
    return RunRecord(
        id=row["run_id"],
        number=number,
        experiment=row["experiment"],
        arm=int(row["arm"]),
        name=row["name"],
        tags="",
        config_json=config.model_dump_json(),
        status=row["status"],
        process="",
        request=None,
        error=None,
        created_at="",
        wall_seconds=float(row["wall_seconds"]),
        images_per_second=measured("images_per_second"),
        step=int(row["step"]),
        total_steps=None,
        train_loss=measured("train_loss"),
        val_accuracy=measured("val_accuracy"),
        test_accuracy=measured("test_accuracy"),
        sparkline="",
        condition=int(row["condition"]),
        pilot=row["pilot"] == "True",
        best_test_accuracy=measured("best_test_accuracy"),
    )


def _config(row: dict[str, str]) -> RunConfig:
    """The settings in a row: of its own kind of model, an empty cell being none."""
    nested: dict[str, Any] = {part: {} for part in PART_OF.values() if part}
    mine = KINDS[row["kind"]].model_fields
    for field, text in row.items():
        if field in PART_OF and (PART_OF[field] != "model" or field in mine):
            (nested[PART_OF[field]] if PART_OF[field] else nested)[field] = _whole(text)
    return parse(nested)


def _whole(text: str) -> str | None:
    """What a cell holds: nothing, or a number that an earlier table wrote as 200.0."""
    return text.removesuffix(".0") or None
