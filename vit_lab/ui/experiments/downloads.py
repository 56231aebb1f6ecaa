"""An experiment to take home: its report and its tables."""

from functools import partial

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.store import Store

DOWNLOAD_ICON = ":material/download:"


def downloads(store: Store, experiment: str) -> None:
    """Buttons for the report and for tables; what they give is made on the click."""
    from vit_lab.analysis.export import outcomes_csv, to_csv  # brings pandas

    def found() -> Experiment:
        return Experiment.read(store, experiment)

    def as_report() -> str:
        from vit_lab.analysis.report import report  # brings the chart renderer

        return report(found())

    button = partial(st.download_button, on_click="ignore")
    table = partial(button, mime="text/csv", icon=DOWNLOAD_ICON)
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
        table("Results as CSV", lambda: outcomes_csv(found().runs), "vit-lab-results.csv", key="results")
        table("Curves as CSV", lambda: to_csv(store, found().runs), "vit-lab-curves.csv", key="curves")
