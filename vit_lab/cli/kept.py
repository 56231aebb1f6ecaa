"""The commands about runs that are kept: list them, write them to files."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer

from vit_lab import paths
from vit_lab.cli.files import check_writable, write_files
from vit_lab.cli.options import CsvFile, HtmlFile, Json, ParquetFolder
from vit_lab.cli.refusals import fail, refusals, stderr
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store

LISTED = (
    "name",
    "status",
    "tags",
    "experiment",
    "created_at",
    "step",
    "total_steps",
    "wall_seconds",
    "train_loss",
    "val_accuracy",
    "test_accuracy",
    "error",
)


def runs(json_: Json = False) -> None:
    """List all runs, newest first."""
    with refusals(), closing(Store(paths.database())) as store:
        found = store.runs()
    if json_:
        print(json.dumps({"runs": [{"run_id": run.id} | {key: getattr(run, key) for key in LISTED} for run in found]}))
        return
    if found:
        stderr.print(f"{'run':<10}  {'state':<12} {'steps':>6} {'test':>8}  {'experiment':<10}  name", highlight=False)
    conditions = _conditions(found)
    for run in found:
        accuracy = "" if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
        under = f" ({condition})" if (condition := conditions.get(run.id)) else ""
        print(f"{run.id}  {run.status:<12} {run.step:>6} {accuracy:>8}  {run.experiment:<10}  {run.name}{under}")
    if not found:
        print("No runs yet: python -m vit_lab train")


def _conditions(found: Sequence[RunRecord]) -> dict[str, str]:
    """By run: what sets its condition apart from the others of its experiment, in words."""
    members: dict[str, list[RunRecord]] = {}
    for run in found:
        members.setdefault(run.experiment, []).append(run)
    experiments = map(Experiment.of, members.values())
    return {run.id: one.conditions.get(run.condition, "") for one in experiments for run in one.proper}


def export(
    run: Annotated[list[str], typer.Argument(help="Ids of runs or of experiments, as `runs` lists them.")],
    csv: CsvFile = None,
    html: HtmlFile = None,
    parquet: ParquetFolder = None,
) -> None:
    """Write every measured number of some runs to tables, or one experiment to a report."""
    if csv is None and html is None and parquet is None:
        fail("csv: give a file to write, with --csv, --html or --parquet", code=2)
    check_writable(csv, html, parquet)
    with refusals(), closing(Store(paths.database())) as store:
        named = (one for name in run for one in store.runs(experiment=name) or [store.run(name)])
        found = list({one.id: one for one in named}.values())
        write_files(store, found, csv, html, parquet)
