"""The files that commands write: every measured number and every run as tables, an experiment as a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from vit_lab.cli.refusals import fail, stderr
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store


def check_writable(csv: Path | None, html: Path | None, parquet: Path | None = None) -> None:
    """Refuse a file that cannot be written before the work, not after it."""
    if csv and html and html.absolute() in (csv.absolute(), of_runs(csv).absolute()):
        fail("html: it would overwrite the CSV; choose another file", code=2)
    wanted = [("csv", csv), ("csv", of_runs(csv) if csv else None), ("html", html)]
    if csv and of_runs(csv).exists() and not csv.exists():  # so it is not of an earlier export
        fail(f"csv: {of_runs(csv)} is there already, and the runs would overwrite it; choose another file", code=2)
    if parquet:
        check_folder("parquet", parquet)
        wanted += [("parquet", file) for file in _parquet_files(parquet)]
    for option, path in wanted:
        if path is not None:
            check_file(option, path)


def check_file(option: str, path: Path) -> None:
    """Refuse a file that cannot be written."""
    if not path.absolute().parent.is_dir():
        fail(f"{option}: the folder {path.parent} is not there; choose another file", code=2)
    is_new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        refuse_file(path, option, error)
    if is_new:
        path.unlink()


def check_folder(option: str, path: Path) -> None:
    """Make a folder that is not there; refuse one that cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{option}: the folder {path} cannot be made ({error.strerror}); choose another", code=2)


def of_runs(csv: Path) -> Path:
    """The file beside a CSV of measurements that has a row of settings and results for each run."""
    return csv.with_name(f"{csv.stem}-runs{csv.suffix}")


def write_files(
    store: Store, found: Sequence[RunRecord], csv: Path | None, html: Path | None, parquet: Path | None = None
) -> None:
    """Write the files that are asked for, and say so on stderr; None is not asked for.

    A table tells of the runs found, a report of all runs of their experiment: of some, it might name a winner too soon.
    """
    if csv:
        from vit_lab.analysis.export import outcomes_csv, write_curves

        try:
            with csv.open("w", encoding="utf-8", newline="") as file:
                rows = write_curves(store, found, file)
            of_runs(csv).write_text(outcomes_csv(found), encoding="utf-8")
        except OSError as error:
            refuse_file(csv, "csv", error)
        stderr.print(f"{csv}: {rows} rows; {of_runs(csv)}: the settings and results of {len(found)} runs")
    if parquet:
        from vit_lab.analysis.export import write_outcomes_parquet, write_parquet

        curves, runs = _parquet_files(parquet)
        try:
            rows = write_parquet(store, found, curves)
            write_outcomes_parquet(found, runs)
        except OSError as error:
            refuse_file(parquet, "parquet", error)
        stderr.print(f"{curves}: {rows} rows; {runs}: the settings and results of {len(found)} runs")
    if html:
        from vit_lab.analysis.report import ReportError, report

        experiments = {run.experiment for run in found}
        if len(experiments) != 1:
            fail("html: a report is about one experiment; give the id of one", code=2)
        try:
            html.write_text(report(Experiment.read(store, experiments.pop())), encoding="utf-8")
        except ReportError as error:
            fail(f"html: {error}", code=2)
        except OSError as error:
            refuse_file(html, "html", error)
        stderr.print(f"{html}: the report")


def _parquet_files(folder: Path) -> tuple[Path, Path]:
    return folder / "curves.parquet", folder / "runs.parquet"


def refuse_file(path: Path, option: str, error: OSError) -> NoReturn:
    """End the command over a file that cannot be written."""
    fail(f"{option}: {path} cannot be written ({error.strerror}); choose another file", code=2)
