"""The lab from a shell: python -m vit_lab train | compare | sweep | claim | runs | export.

With --json the last line on stdout is one JSON object; progress goes to stderr.
Exit codes: 0 done, 1 the run failed (with why), 2 bad arguments (naming the field). Ctrl-C and SIGTERM stop a training
in order: its runs are marked interrupted, keep a checkpoint, and are told in the JSON line all the same.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vit_lab import paths
from vit_lab.config import DatasetName, RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.options import option_name, settings_as_options
from vit_lab.presets import PRESETS
from vit_lab.presets import preset as preset_config
from vit_lab.runs import designs
from vit_lab.runs.experiments import Plan, new_experiment
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE, ENDED, RESUMABLE, Status
from vit_lab.runs.store import Store, StoreError
from vit_lab.settings import ConfigError, configure

app = typer.Typer(help="Measure what the variance of the initial weights does to a Vision Transformer.",
                  add_completion=False, pretty_exceptions_enable=False)  # fmt: skip
stderr = Console(stderr=True, soft_wrap=True)  # a line is a line, however long the path in it
TRAIN_KEYS = ("run_id", "name", "status", "config", "steps", "wall_seconds", "images_per_second", "train_loss",
              "val_accuracy", "test_accuracy", "error")  # fmt: skip
EXPERIMENT_KEYS = ("experiment", "kind", "run_ids", "arms", "pairs", "status", "error")

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
PresetName = Annotated[str, typer.Option("--preset", help=f"Where to start: {', '.join(PRESETS)}.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not here.")]
Seeds = Annotated[int, typer.Option(help="Seeds a setting, from --seed on. From 6 on, a result counts as evidence.")]
FairRate = Annotated[bool, typer.Option("--fair-rate", help="Let each arm first pick its learning rate on validation.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write every measured number to this file.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write a report that opens without a network.")]


@app.command()
@settings_as_options
def train(
    *,
    preset: PresetName = "classroom",
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train one run and print how it ended."""
    with _refusals(TRAIN_KEYS if json_ else ()):
        config = configure(preset_config(preset), **settings)
        with closing(Store(paths.database())) as store:
            [run] = _work_off(store, Plan([config], [config.seed]), download, workers=1)
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
@settings_as_options
def compare(
    *,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="An init, scheme[:variance scale]; two to six of them. [default: linear-default and xavier]"),
    ] = None,
    seeds: Seeds = 6,
    fair_rate: FairRate = False,
    preset: PresetName = "classroom",
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train several inits on the same seeds and print how they differ, and how sure one may be."""
    _refuse(settings, "scheme", "variance_scale", instead="--arm")
    with _refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        _experiment(
            designs.comparison(base, arm or designs.CLAIM_ARMS, seeds, fair_rate=fair_rate), download, json_, csv, html
        )


@app.command()
@settings_as_options
def sweep(
    *,
    scale: Annotated[
        list[float] | None, typer.Option(help="A variance scale; several of them. [default: 0.1 to 10]")
    ] = None,
    size: Annotated[list[str] | None, typer.Option(help="Training images, or all; may be given several times.")] = None,
    seeds: Seeds = 3,
    preset: PresetName = "classroom",
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train one scheme at several variance scales: accuracy against variance, the U-curve."""
    _refuse(settings, "variance_scale", instead="--scale")
    _refuse(settings, "train_size", instead="--size")
    with _refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        plan = designs.sweep(base, scale or designs.sweep_scales(), _sizes(size or ["all"]), seeds)
        _experiment(plan, download, json_, csv, html)


@app.command()
@settings_as_options
def claim(
    *,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="Two inits, smaller variance first. [default: linear-default and xavier]"),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="Images, data set[:share of noisy labels]; several of them. [default: the digits, and noisy ones]"
        ),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Training images, or all. [default: 200, 1000 and all]")
    ] = None,
    seeds: Seeds = 6,
    fair_rate: FairRate = False,
    preset: PresetName = "classroom",
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Check the claim that a larger variance helps on smaller or harder data."""
    _refuse(settings, "scheme", "variance_scale", instead="--arm")
    _refuse(settings, "train_size", instead="--size")
    _refuse(settings, "dataset", "label_noise", instead="--task")
    with _refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        tasks = task or [base.data.dataset, f"{base.data.dataset}:{designs.CLAIM_NOISE}"]
        sizes = _sizes(size) if size else designs.CLAIM_SIZES
        plan = designs.claim(base, tasks, sizes, seeds, arms=arm or designs.CLAIM_ARMS, fair_rate=fair_rate)
        _experiment(plan, download, json_, csv, html)


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
    run: Annotated[list[str], typer.Argument(help="Ids of runs or of experiments, as `runs` lists them.")],
    csv: CsvFile = None,
    html: HtmlFile = None,
) -> None:
    """Write every measured number of some runs to a CSV file, or one experiment to a report."""
    if csv is None and html is None:
        _fail("csv: give a file to write, with --csv or --html", code=2)
    with _refusals(), closing(Store(paths.database())) as store:
        found = [one for name in run for one in store.runs(experiment=name) or [store.run(name)]]
        _write_files(store, found, csv, html)


def _experiment(plan: Plan, download: bool, json_: bool, csv: Path | None, html: Path | None) -> None:
    """Train all runs of a plan, print what they say, and fail if one of them has no result."""
    from vit_lab.analysis.summary import experiment_summary  # scipy takes a while to import

    _check_writable(csv, html)
    with closing(Store(paths.database())) as store:
        found = _work_off(store, plan, download)
        result = experiment_summary(found)
        if csv or html:
            _write_files(store, found, csv, html)
    if json_:
        ids = [run.id for run in found if not run.pilot]
        print(json.dumps({"experiment": found[0].experiment, "kind": plan.kind, "run_ids": ids} | result))
    else:
        for arm in result["arms"]:
            mean, sd = arm["test_accuracy"]["mean"], arm["test_accuracy"]["sd"]
            shown = "no result" if mean is None else f"{mean:.2%}" + ("" if sd is None else f", sd {sd:.2%}")
            where = f" ({arm['condition']})" if arm["condition"] else ""
            print(f"{arm['label']}{where}: {shown}, n = {arm['n']}, learning rate {arm['learning_rate']:g}")
        for pair in result["pairs"] if plan.kind != "sweep" else []:
            print((f"{pair['condition']}: " if pair["condition"] else "") + pair["verdict"])
    if missing := [run for run in found if run.status not in ENDED]:
        told = next((run.error for run in missing if run.error), None)
        _fail(f"{len(missing)} of {len(found)} runs have no result" + (f": {told}" if told else ""))


def _work_off(store: Store, plan: Plan, download: bool, workers: int | None = None) -> list[RunRecord]:
    """Queue the runs of a plan, once their data is there, and show how far they are until the last has ended."""
    experiment = new_experiment()
    new = plan.runs(experiment)
    manager = RunManager(store, workers)
    try:
        configs = {run.config.data.dataset: run.config for run in new}
        _make_sure_of_files(configs, download)
        manager.prepare(len(new))  # while the data is looked at
        _make_sure_of_data(configs)
        manager.submit(new, plan.kind)
        with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} steps"),
                      TimeRemainingColumn(), console=stderr, transient=True) as progress:  # fmt: skip
            bar = progress.add_task("starting", total=None)
            while not _still(found := store.runs(experiment=experiment)):
                if manager.is_hopeless:
                    raise StoreError(manager.problem)
                total = sum(run.total_steps or run.config.optim.steps for run in found)
                progress.update(bar, description=_told(found), total=total, completed=sum(run.step for run in found))
                time.sleep(0.1 if len(found) == 1 else 0.5)
    except KeyboardInterrupt:
        stderr.print("stopping; what is done is kept and can be resumed from the dashboard")
    finally:
        manager.shutdown()
    return store.runs(experiment=experiment)


def _still(found: list[RunRecord]) -> bool:
    """Whether nothing will happen any more: a run whose pilots stand still would wait for ever."""
    stuck = {run.condition for run in found if run.pilot and run.status in RESUMABLE}
    return not any(
        run.status in ACTIVE and not (run.status == Status.WAITING and run.condition in stuck) for run in found
    )


def _told(found: list[RunRecord]) -> str:
    if len(found) > 1:
        return f"{sum(run.status not in ACTIVE for run in found)} of {len(found)} runs"
    [run] = found
    told = [] if run.train_loss is None else [f"loss {run.train_loss:.3f}"]
    told += [] if run.val_accuracy is None else [f"val accuracy {run.val_accuracy:.1%}"]
    return ", ".join(told) or "starting"


def _make_sure_of_files(datasets: Iterable[DatasetName], download: bool) -> None:
    """Fetch data sets, or refuse those that cannot be had, before a run is queued for them."""
    from vit_lab.data.download import download as download_dataset
    from vit_lab.datasets import is_available

    for dataset in datasets:
        if download:
            with Progress(console=stderr, transient=True) as progress:
                bar = progress.add_task(f"downloading {dataset}", total=1.0)
                for done in download_dataset(dataset):
                    progress.update(bar, completed=done)
        elif not is_available(dataset):
            raise DatasetError(f"dataset: {dataset} is not in {paths.data_folder()}; add --download to fetch it, point "
                               "VIT_LAB_DATA to a folder that has it, or choose mnist-10k, which is bundled")  # fmt: skip


def _make_sure_of_data(configs: Mapping[DatasetName, RunConfig]) -> None:
    """Refuse data that cannot be read before a run is queued for it; `configs` by data set."""
    from vit_lab.data.splits import load_run_data  # imports torch

    for config in configs.values():
        load_run_data(config)


def _write_files(store: Store, found: list[RunRecord], csv: Path | None, html: Path | None) -> None:
    if csv:
        from vit_lab.analysis.export import to_csv  # pandas takes a while to import

        text = to_csv(store, found)
        _write(csv, "csv", text)
        stderr.print(f"{csv}: {text.count(chr(10)) - 1} rows")
    if html:
        from vit_lab.analysis.report import ReportError, report

        try:
            _write(html, "html", report(store, found))
        except ReportError as error:
            _fail(f"html: {error}", code=2)
        stderr.print(f"{html}: the report")


def _write(path: Path, option: str, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        _fail(f"{option}: {path} cannot be written ({error.strerror}); choose another file", code=2)


def _check_writable(csv: Path | None, html: Path | None) -> None:
    """Refuse a folder that is not there before the work, not after it."""
    for option, path in (("csv", csv), ("html", html)):
        if path is not None and not path.absolute().parent.is_dir():
            _fail(f"{option}: the folder {path.parent} is not there; choose another file", code=2)


def _sizes(words: list[str]) -> list[int | None]:
    """Training set sizes as the command line spells them. Raises ConfigError."""
    try:
        return [None if word == "all" else int(word) for word in words]
    except ValueError:
        raise ConfigError("size", f"{', '.join(words)[:40]!r} does not work; give a number of images, or all") from None


def _refuse(settings: dict[str, Any], *fields: str, instead: str) -> None:
    for field in fields:
        if field in settings:
            _fail(f"{option_name(field)}: it is not given this way here; use {instead}", code=2)


@contextmanager
def _refusals(json_keys: Sequence[str] = ()) -> Iterator[None]:
    """Turn what the core refuses into one sentence on stderr and an exit code.

    With `json_keys`, what ends a training before there is a result is told on stdout, too.
    """
    with _terminated_as_interrupted():
        try:
            yield
        except ConfigError as error:
            _fail(f"{option_name(error.field)}: {error.message}", code=2)
        except (DatasetError, StoreError, OSError) as error:
            _tell(json_keys, Status.FAILED, str(error))
        except KeyboardInterrupt:
            _tell(json_keys, Status.INTERRUPTED, "interrupted before there was a result")


def _tell(json_keys: Sequence[str], status: Status, error: str) -> NoReturn:
    if json_keys:
        lists: dict[str, Any] = {key: [] for key in ("run_ids", "arms", "pairs") if key in json_keys}
        print(json.dumps(dict.fromkeys(json_keys) | lists | {"status": status, "error": error}))
    _fail(error)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def main() -> NoReturn:
    """Run a command and leave at once."""
    try:
        app(prog_name="python -m vit_lab")
    except SystemExit as ended:
        if "torch" in sys.modules:  # taking it down takes seconds on a busy machine
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise
    raise AssertionError("a command ends by SystemExit")


if __name__ == "__main__":
    main()
