"""An experiment to take home: its report and its tables."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from vit_lab.analysis.export import outcomes_csv, to_csv, to_parquet
from vit_lab.analysis.script.compose import missing, script_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store

DOWNLOAD_ICON = ":material/download:"
CURVES = (
    ("CSV", "csv", to_csv, "text/csv"),
    ("Parquet", "parquet", to_parquet, "application/vnd.apache.parquet"),
)  # as which the measurements are given away
MOST_RUNS = 40  # whose measurements a page gives away: the server holds them in memory, about half a megabyte a run


def too_many(runs: int) -> str | None:
    """Why the measurements of so many runs are not given away on a page; None if they are."""
    if runs <= MOST_RUNS:
        return None
    return f"More than {MOST_RUNS} runs are too much for a page; `vit-lab export ID --csv FILE` writes any number."


def script_button(run: RunRecord) -> None:
    """A button for the run as one script, which trains it again without the lab.

    It may go to another machine than the server's, so it names no folder of this one.
    """
    why = missing(run.config)
    st.download_button(
        "Code",
        partial(script_of, run.config, is_elsewhere=True),
        "run.py",
        "text/x-python",
        icon=":material/code:",
        on_click="ignore",
        key="code",
        disabled=bool(why),
        help=why or "The run as one script of torch and numpy, to be read and changed; it says where its data is from.",
    )


def downloads(store: Store, experiment: str) -> None:
    """Buttons for the report and for tables; what they give is made on the click."""

    def found() -> Experiment:
        return Experiment.read(store, experiment)

    def as_report() -> str:
        from vit_lab.analysis.report import report  # brings the chart renderer

        return report(found())

    button = partial(st.download_button, on_click="ignore")
    table = partial(button, icon=DOWNLOAD_ICON)
    with st.container(horizontal=True):
        button(
            "Report",
            as_report,
            "vit-lab-report.html",
            "text/html",
            icon=":material/description:",
            key="report",
            help="One HTML file that opens without a network.",
        )
        results = partial(table, mime="text/csv", key="results")
        results("Results as CSV", lambda: outcomes_csv(found().runs), "vit-lab-results.csv")
        why = too_many(len(found().runs))
        curves = partial(table, disabled=bool(why), help=why)
        for name, ending, written, mime in CURVES:
            file = f"vit-lab-curves.{ending}"
            curves(f"Curves as {name}", partial(_made, written, store, experiment), file, key=ending, mime=mime)


def _made(written: Callable[[Store, Sequence[RunRecord]], Any], store: Store, experiment: str) -> Any:
    return written(store, Experiment.read(store, experiment).runs)
