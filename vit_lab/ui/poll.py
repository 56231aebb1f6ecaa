"""What a page draws again and again while runs are at work: the one place that says when, and when no more.

See docs/decisions/027.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vit_lab.runs.experiments import Runs
from vit_lab.ui.serving.lab import problems_told, tell_hold_up

TICK_SECONDS = 1.0
Some = TypeVar("Some", bound=Runs)


def at_work(runs: Runs) -> bool:
    """Whether one of some runs is at work, or waits for its turn."""
    return bool(runs.active)


def poll(
    read: Callable[[], Some],
    draw: Callable[[Some], None],
    *,
    every: float = TICK_SECONDS,
    standing: Callable[[Some], Any] = at_work,
    shown: Some | None = None,
    leads: bool = True,
    moves: Callable[[Some], bool] = at_work,
) -> None:
    """Draw the runs that `read` finds, and do so again every so many seconds as long as one of them is at work.

    Or as long as something else `moves`, such as a film of their past.

    What the page shows outside of this part follows from the `standing` of the runs, as they were when the page read
    what it has `shown`; without that, as they are read first here. The tick on which the standing has changed, such as
    the last one, draws the whole page anew. Of several parts of a page, one leads: it tells what holds up training, so
    that it is told once.
    """
    first = read() if shown is None else shown
    stood = standing(first)

    def tick() -> None:
        with problems_told():
            runs = read()
            if standing(runs) != stood:
                st.rerun()
            if leads:
                tell_hold_up(runs.active)
            draw(runs)

    st.fragment(tick, run_every=every if moves(first) else None)()


def forget_late_ticks() -> None:
    """Forget a tick that a browser asked for on another page, before it heard that its person has gone to this one.

    And a click in a part of that page. For the end of a page: Streamlit would have the tick follow it, and by that tell
    the browser that the other page is back. It takes this one away, and the next tick finds no place to draw in, which
    ends the connection for good (docs/decisions/047).
    """
    context: Any = get_script_run_ctx()
    with suppress(AttributeError):  # no part of what Streamlit promises; without it, all is as it would be
        requests = context.script_requests
        with requests._lock:
            waiting = requests._rerun_data
            is_of_a_part = requests._state.name == "RERUN" and bool(waiting.fragment_id_queue)
            if is_of_a_part and waiting.page_script_hash != context.page_script_hash:
                requests._state = type(requests._state).CONTINUE
