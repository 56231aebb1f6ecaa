"""What a page draws again and again while runs are at work: the one place that says when, and when no more.

See docs/decisions/027.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE
from vit_lab.ui.serving.lab import problems_told, tell_hold_up

TICK_SECONDS = 1.0


def at_work(runs: Sequence[RunRecord]) -> bool:
    """Whether one of some runs is at work, or waits for its turn."""
    return any(run.status in ACTIVE for run in runs)


def poll(
    read: Callable[[], list[RunRecord]],
    draw: Callable[[list[RunRecord]], None],
    *,
    every: float = TICK_SECONDS,
    standing: Callable[[list[RunRecord]], Any] = at_work,
    leads: bool = True,
) -> None:
    """Draw the runs that `read` finds, and do so again every so many seconds as long as one of them is at work.

    What the page shows outside of this part follows from the `standing` of the runs: the tick on which that has changed,
    such as the last one, draws the whole page anew. Of several parts of a page, one leads: it tells what holds up
    training, so that it is told once.
    """
    first = read()
    stood = standing(first)

    def tick() -> None:
        with problems_told():
            runs = read()
            if standing(runs) != stood:
                st.rerun()
            if leads:
                tell_hold_up(runs)
            draw(runs)

    st.fragment(tick, run_every=every if at_work(first) else None)()
