"""Loss and accuracy by step, live: what Train and the lessons that train draw each second."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.ui.poll import TICK_SECONDS
from vit_lab.ui.prose import prose

CURVES_WIDTH = 320  # pixels at least
HOW_TO_READ = prose("""
    Bold with points: on validation, the loss as plain cross-entropy. Thin: what training minimises, over the latest
    batches.
""")


def curves(store: Store, runs: Sequence[RunRecord], names: Mapping[int, str]) -> None:
    """Loss and accuracy of each run by step, side by side, as they stand; HOW_TO_READ tells what is what."""
    from vit_lab.ui.figures import charts  # with the rows: pandas and Altair, which a page can begin without
    from vit_lab.ui.figures.rows import live_tables

    tables = live_tables(store, "curves", runs, names, TICK_SECONDS)
    with st.grid(2, min_column_width=CURVES_WIDTH):
        st.vega_lite_chart(tables["loss"], charts.LOSS, key="loss", alt="Loss of each arm by step")
        st.vega_lite_chart(tables["accuracy"], charts.ACCURACY, key="accuracy", alt="Accuracy of each arm by step")
