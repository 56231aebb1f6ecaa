"""The files that commands write: every measured number as CSV, an experiment as a report."""

from collections.abc import Sequence
from pathlib import Path

from vit_lab.cli.refusals import fail, stderr
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store


def check_writable(csv: Path | None, html: Path | None) -> None:
    """Refuse a folder that is not there before the work, not after it."""
    for option, path in (("csv", csv), ("html", html)):
        if path is not None and not path.absolute().parent.is_dir():
            fail(f"{option}: the folder {path.parent} is not there; choose another file", code=2)


def write_files(store: Store, found: Sequence[RunRecord], csv: Path | None, html: Path | None) -> None:
    """Write the files that are asked for, and say so on stderr; None is not asked for.

    A table tells of the runs found, a report of all runs of their experiment: of some, it might name a winner too soon.
    """
    if csv:
        from vit_lab.analysis.export import to_csv  # pandas takes a while to import

        text = to_csv(store, found)
        _write(csv, "csv", text)
        stderr.print(f"{csv}: {text.count(chr(10)) - 1} rows")
    if html:
        from vit_lab.analysis.report import ReportError, report

        experiments = {run.experiment for run in found}
        if len(experiments) != 1:
            fail("html: a report is about one experiment; give the id of one", code=2)
        try:
            _write(html, "html", report(Experiment.read(store, experiments.pop())))
        except ReportError as error:
            fail(f"html: {error}", code=2)
        stderr.print(f"{html}: the report")


def _write(path: Path, option: str, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{option}: {path} cannot be written ({error.strerror}); choose another file", code=2)
