"""The lab from a shell: python -m vit_lab train | runs | export.

With --json the last line on stdout is one JSON object; progress goes to stderr.
Exit codes: 0 done, 1 the run failed (with why), 2 bad arguments (naming the field).
"""

import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vit_lab import paths
from vit_lab.config import ConfigError, RunConfig, configure
from vit_lab.data.errors import DatasetError
from vit_lab.options import option_name, settings_as_options
from vit_lab.presets import PRESETS
from vit_lab.presets import preset as preset_config
from vit_lab.runs.records import pair
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import Store, StoreError

app = typer.Typer(help="Measure what the variance of the initial weights does to a Vision Transformer.",
                  add_completion=False, pretty_exceptions_enable=False)  # fmt: skip
stderr = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


@app.command()
@settings_as_options
def train(
    *,
    preset: Annotated[str, typer.Option(help=f"Where to start: {', '.join(PRESETS)}.")] = "classroom",
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not here.")] = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train one run and print how it ended."""
    from vit_lab.data.images import is_available  # these load torch, which takes seconds
    from vit_lab.data.splits import load_run_data

    with _refusals():
        config = configure(preset_config(preset), **settings)
        if download:
            _download(config)
        elif not is_available(config.data.dataset):
            _fail(f"dataset: {config.data.dataset} is not in {paths.data_folder()}; add --download to fetch it, point "
                  "VIT_LAB_DATA to a folder that has it, or choose mnist-10k, which is bundled")  # fmt: skip
        load_run_data(config)  # refuses what cannot be had before a run is queued for it
        with closing(Store(paths.database())) as store:
            run = _train_to_the_end(store, config)
    result = {
        "run_id": run.id, "name": run.name, "status": run.status, "config": run.config.model_dump(), "steps": run.step,
        "wall_seconds": run.wall_seconds, "images_per_second": run.images_per_second, "train_loss": run.train_loss,
        "val_accuracy": run.val_accuracy, "test_accuracy": run.test_accuracy, "error": run.error,
    }  # fmt: skip
    if json_:
        print(json.dumps(result))
    else:
        shown = "no test accuracy" if run.test_accuracy is None else f"test accuracy {run.test_accuracy:.2%}"
        print(f"{run.name}: {run.status} after {run.step} steps in {run.wall_seconds:.1f} s, {shown}")
    if run.status != Status.FINISHED:
        _fail(f"the run {run.id} {run.status}" + (f": {run.error}" if run.error else ""))


@app.command()
def runs(json_: Json = False) -> None:
    """List all runs, newest first."""
    with _refusals(), closing(Store(paths.database())) as store:
        found = store.runs()
    if json_:
        keys = ("name", "status", "tags", "experiment", "created_at", "step", "total_steps", "wall_seconds",
                "train_loss", "val_accuracy", "test_accuracy", "error")  # fmt: skip
        print(json.dumps({"runs": [{"run_id": run.id} | {key: getattr(run, key) for key in keys} for run in found]}))
        return
    for run in found:
        accuracy = "" if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
        print(f"{run.id}  {run.status:<12} {run.step:>6} steps  {accuracy:>7}  {run.name}")
    if not found:
        print("No runs yet: python -m vit_lab train")


@app.command()
def export(
    run: Annotated[list[str], typer.Argument(help="Ids of the runs, as `runs` lists them.")],
    csv: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write every measured number of some runs to a CSV file, with their settings."""
    from vit_lab.analysis.export import to_csv  # pandas takes a while to import

    with _refusals(), closing(Store(paths.database())) as store:
        text = to_csv(store, [store.run(run_id) for run_id in run])
    try:
        csv.write_text(text, encoding="utf-8")
    except OSError as error:
        _fail(f"csv: {csv} cannot be written ({error.strerror}); choose another file", code=2)
    print(f"{csv}: {text.count(chr(10)) - 1} rows")


def _train_to_the_end(store: Store, config: RunConfig) -> Any:
    from vit_lab.runs.manager import RunManager  # imports torch

    manager = RunManager(store, workers=1)
    try:
        run_id = manager.submit(pair([config], experiment=uuid.uuid4().hex[:10]))[0]
        with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} steps"),
                      TimeRemainingColumn(), console=stderr, transient=True) as progress:  # fmt: skip
            bar = progress.add_task("starting", total=None)
            while (run := store.run(run_id)).status in ACTIVE:
                told = [] if run.train_loss is None else [f"loss {run.train_loss:.3f}"]
                told += [] if run.val_accuracy is None else [f"val accuracy {run.val_accuracy:.1%}"]
                progress.update(
                    bar, description=", ".join(told) or "starting", total=run.total_steps, completed=run.step
                )
                time.sleep(0.1)
    except KeyboardInterrupt:
        stderr.print("stopping; the run is kept and can be resumed from the dashboard")
    finally:
        manager.shutdown()
    return store.run(run_id)


def _download(config: RunConfig) -> None:
    from vit_lab.data.images import download as download_dataset

    with Progress(console=stderr, transient=True) as progress:
        bar = progress.add_task(f"downloading {config.data.dataset}", total=1.0)
        for done in download_dataset(config.data.dataset):
            progress.update(bar, completed=done)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the core refuses into one sentence on stderr and an exit code."""
    try:
        yield
    except ConfigError as error:
        _fail(f"{option_name(error.field)}: {error.message}", code=2)
    except (DatasetError, StoreError) as error:
        _fail(str(error))


def _fail(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


if __name__ == "__main__":
    app(prog_name="python -m vit_lab")
