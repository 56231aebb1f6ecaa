"""Loss and accuracy by step, live: what Train and the lessons that train draw each second.

A click near a point opens Inside there. Charts keep what was clicked, so the click is noted when it comes, and gone
once it is followed: whoever comes back stays.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.ui.experiments.look import look_inside
from vit_lab.ui.poll import TICK_SECONDS
from vit_lab.ui.prose import prose

CURVES_WIDTH = 320  # pixels at least
CLICKED_POINT = "clicked_point"  # where the session notes the last click
HOW_TO_READ = prose("""
    Bold with points: on validation, the loss as plain cross-entropy. Thin: what training minimises, over the latest
    batches. A click on a point looks inside at that step, or the nearest that was kept.
""")


def curves(store: Store, runs: Sequence[RunRecord], names: Mapping[int, str]) -> None:
    """Loss and accuracy of each run by step, side by side, as they stand; HOW_TO_READ tells what is what."""
    _follow_click(runs)
    from vit_lab.ui.figures import charts  # with the rows: pandas and Altair, which a page can begin without
    from vit_lab.ui.figures.rows import live_tables

    tables = live_tables(store, "curves", runs, names, TICK_SECONDS)
    told = (
        ("loss", charts.LOSS(), "Loss of each arm by step"),
        ("accuracy", charts.ACCURACY(), "Accuracy of each arm by step"),
    )
    with st.grid(2, min_column_width=CURVES_WIDTH):
        for key, spec, alt in told:
            st.vega_lite_chart(tables[key], spec, key=key, alt=alt, on_select=partial(_note_click, key))


def _note_click(key: str) -> None:
    """What was clicked in a chart: the first point under the pointer; nothing where the click was on none."""
    from vit_lab.ui.figures.charts import CLICKED

    if points := st.session_state[key]["selection"][CLICKED]:
        st.session_state[CLICKED_POINT] = points[0]


def _follow_click(runs: Sequence[RunRecord]) -> None:
    point = st.session_state.pop(CLICKED_POINT, None)
    for run in runs:
        if point and run.id == point["run"]:
            look_inside(run, int(point["step"]))
