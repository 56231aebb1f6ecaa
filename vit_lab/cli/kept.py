"""The commands about runs that are kept: list them, write them to files, take them in from another machine."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from vit_lab import paths
from vit_lab.cli.files import check_writable, write_files
from vit_lab.cli.options import (
    BundleFile,
    CodeFile,
    CsvFile,
    HtmlFile,
    Json,
    ParquetFolder,
    TensorboardFolder,
    WeightsFile,
)
from vit_lab.cli.refusals import fail, refusals, stderr
from vit_lab.cli.taken import Taken
from vit_lab.refusals import one_of
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
    code: CodeFile = None,
    tensorboard: TensorboardFolder = None,
    weights: WeightsFile = None,
    bundle: BundleFile = None,
) -> None:
    """Write runs to files: tables, a report, a script that trains one again, weights, whole experiments."""
    taken = Taken(code=code, tensorboard=tensorboard, weights=weights, bundle=bundle)
    if csv is None and html is None and parquet is None and not taken.is_wanted:
        options = ["--csv", "--html", "--parquet", "--code", "--tensorboard", "--weights"]
        fail(f"csv: give a file to write, with {one_of([*options, '--bundle'])}", code=2)
    check_writable(csv, html, parquet)
    taken.check()
    with refusals(), closing(Store(paths.database())) as store:
        named = (one for name in run for one in store.runs(experiment=name) or [store.run(name)])
        found = list({one.id: one for one in named}.values())
        write_files(store, found, csv, html, parquet)
        taken.write(store, found)


def import_(
    bundle: Annotated[Path, typer.Argument(help="A file that `export --bundle` wrote, here or on another machine.")],
    json_: Json = False,
) -> None:
    """Take in the experiments of a bundle, all or nothing; what is here already stays as it is."""
    from vit_lab.runs.bundles import read_bundle

    with refusals(), closing(Store(paths.database())) as store:
        arrived = read_bundle(store, bundle)
    if json_:
        print(json.dumps({"runs": arrived.runs, "known": arrived.known}))
    else:
        print(f"{arrived.runs} runs are new here; {arrived.known} were here already")
