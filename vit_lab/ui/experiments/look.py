"""The ways from an experiment to the page Inside."""

from typing import NoReturn

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_steps

INSIDE, INSIDE_ICON = "pages/inside.py", ":material/visibility:"
HELP = "What the models compute from one example, block by block, at any step of their training."


def look_button(run: RunRecord | None, step: int | None = None) -> None:
    """A button that opens Inside with the experiment of a run, at a step of it if one is given."""
    if st.button("Look inside", icon=INSIDE_ICON, disabled=run is None or bool(run.unreadable), help=HELP, key="look"):
        assert run is not None
        look_inside(run, step)


def look_inside(run: RunRecord, step: int | None = None) -> NoReturn:
    """Open Inside with the experiment of a run; if a step is given, at the nearest that opens without a replay."""
    query = {"experiment": run.experiment}
    if step is not None:
        query["step"] = str(min(kept_steps(run), key=lambda kept: abs(kept - step)))
    st.switch_page(INSIDE, query_params=query)
