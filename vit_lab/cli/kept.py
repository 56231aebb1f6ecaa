"""The commands about runs that are kept: list them, write them to files, take them in from another machine."""

import json
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
    """List all runs, newest first, and then the experiments that have several."""
    with refusals(), closing(Store(paths.database())) as store:
        found, experiments = store.runs(), Experiment.read_all(store)
    if json_:
        print(json.dumps({"runs": [{"run_id": run.id} | {key: getattr(run, key) for key in LISTED} for run in found]}))
        return
    if not found:
        print("No runs yet: python -m vit_lab train")
        return
    _head(f"{'run':<10}  {'state':<12} {'steps':>6} {'test':>8}  {'experiment':<10}  name")
    conditions = {run.id: one.conditions.get(run.condition, "") for one in experiments for run in one.proper}
    for run in found:
        accuracy = "" if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
        under = f" ({condition})" if (condition := conditions.get(run.id)) else ""
        print(f"{run.id}  {run.status:<12} {run.step:>6} {accuracy:>8}  {run.experiment:<10}  {run.name}{under}")
    if several := [one for one in experiments if len(one.stored) > 1]:
        _head(f"\n{'experiment':<10}  {'kind':<7} {'runs':>5} {'ended':>5} {'seeds':>5}  arms")
        for one in several:
            counts = f"{len(one.stored):>5} {len(one.ended):>5} {len(one.seeds):>5}"
            print(f"{one.id:<10}  {one.kind:<7} {counts}  {one.title}")


def tidy() -> None:
    """Pack the measurements of runs that have ended: the same numbers in a fraction of the room."""
    with refusals(), closing(Store(paths.database())) as store:
        before = paths.database().stat().st_size
        events = store.tables.pack_events()
        store.tables.shrink()
        after = paths.database().stat().st_size
    print(f"{events:,} events packed: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")


def _head(columns: str) -> None:
    """The heads of columns are for people, and no part of what a script reads."""
    stderr.print(columns, highlight=False)


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
