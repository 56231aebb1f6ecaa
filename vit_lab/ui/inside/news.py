"""News of the runs on the page: a browser asks for a short text, and has the page drawn anew only if it has changed.

A part of a page that ticks costs the server 5 ms even if it draws nothing, thirty viewers a sixth of a core. This costs
a tenth of that (docs/decisions/038).
"""

from urllib.parse import urlencode

import streamlit as st

from vit_lab.runs.errors import StoreError
from vit_lab.runs.experiments import Runs
from vit_lab.ui.inside.steps import newest
from vit_lab.ui.poll import TICK_SECONDS, at_work
from vit_lab.ui.serving.address import NEWS
from vit_lab.ui.serving.lab import hold_up, store_as_it_is
from vit_lab.ui.serving.lately import Lately

LATELY_SECONDS = 0.4  # how old news may be, besides the second until the next time they are asked for
MOST_RUNS = 2  # that one page shows

JS = """
const timers = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  clearInterval(timers.get(parentElement))
  if (!data.live) return
  let asking = false, told = data.seen
  const ask = async () => {
    if (!parentElement.isConnected) clearInterval(timer)
    if (asking || document.hidden) return
    asking = true
    try {
      const answer = await fetch(data.address, { cache: "no-store" }), news = answer.ok ? await answer.text() : told
      if (news !== told) setTriggerValue("news", told = news)
    } catch { /* no server: its page says so by itself */ } finally { asking = false }
  }
  const timer = setInterval(ask, 1000 * data.seconds)
  timers.set(parentElement, timer)
  return () => clearInterval(timer)
}
"""
_WATCH = st.components.v2.component("vit_lab_news", js=JS)


def watch(runs: Runs, key: str = "inside_news") -> None:
    """Have the page drawn anew when there is news of these runs: a newer step that is kept, their end, a hold-up."""
    address = f"{NEWS}?{urlencode({'runs': ','.join(run.id for run in runs.runs)})}"
    told = {"live": at_work(runs), "seen": _text(runs), "address": address, "seconds": TICK_SECONDS}
    _WATCH(key=key, data=told, on_news_change=lambda: None, height="content")


def news_of(ids: str) -> str | None:
    """The news of runs, whose ids stand with commas between them; None if the store cannot be read."""
    try:
        return _lately(tuple(ids.split(",")[:MOST_RUNS]))
    except StoreError:
        return None


def _text(runs: Runs) -> str:
    """What the page is drawn anew for."""
    step = newest(runs.runs) if runs.runs else 0
    return f"{len(runs.runs)} {len(runs.active)} {step} {hold_up(runs.active) or ''}".strip()


_lately = Lately(lambda ids: _text(Runs(tuple(store_as_it_is().runs(ids)))), LATELY_SECONDS)  # for all who look
