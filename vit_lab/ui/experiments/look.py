"""The ways from an experiment to the page Inside."""

from typing import NoReturn

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_steps

INSIDE, INSIDE_ICON = "pages/inside.py", ":material/visibility:"
HELP = "What the models compute from one example, block by block, at any step of their training."


def look_button(experiment: str, *, disabled: bool = False, key: str = "look") -> None:
    """A button that opens Inside with an experiment."""
    if st.button("Look inside", icon=INSIDE_ICON, disabled=disabled, help=HELP, key=key):
        look_inside(experiment)


def look_inside(experiment: str, step: int | None = None) -> NoReturn:
    """Open Inside with an experiment, at a step if one is given."""
    st.switch_page(INSIDE, query_params={"experiment": experiment} | ({} if step is None else {"step": str(step)}))


def nearest_kept(run: RunRecord, step: int) -> int:
    """The step nearest to one of a run's that opens at once, for nobody who clicks a curve waits for a replay."""
    return min(kept_steps(run), key=lambda kept: abs(kept - step))
