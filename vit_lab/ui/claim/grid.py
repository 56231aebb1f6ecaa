"""The result grid of a check: tasks down, training-set sizes across, a difference and its verdict in each cell."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from vit_lab.analysis.colours import RED, TEAL
from vit_lab.analysis.comparison import Comparison
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import size_words, task_words

BETTER, WORSE = f"color: {TEAL}; font-weight: 600", f"color: {RED}; font-weight: 600"


def of_one_pair(family: Sequence[Comparison], names: Mapping[int, str]) -> list[Comparison]:
    """The comparisons of two arms, chosen by the person if there are more."""
    pairs = list(dict.fromkeys((c.a, c.b) for c in family))
    pair = pairs[0]
    if len(pairs) > 1:
        label = "Which two arms"
        pair = st.selectbox(label, pairs, key="claim_pair", format_func=lambda of: f"{names[of[1]]} − {names[of[0]]}")
    return [c for c in family if (c.a, c.b) == pair]


def result_grid(experiment: Experiment, comparisons: Sequence[Comparison]) -> None:
    """The grid, its decided cells in colour."""
    cells: dict[str, dict[str, str]] = {}
    for c in comparisons:
        data = experiment.data[c.condition]
        more = experiment.told(c.condition, "dataset", "label_noise", "train_size")
        row = f"{task_words(data)}, {more}" if more else task_words(data)
        cells.setdefault(row, {})[size_words(data)] = _cell(c)
    grid = pd.DataFrame.from_dict(cells, orient="index").fillna("–")
    st.dataframe(grid.style.map(_colour), key="claim-grid", alt="Difference and verdict by task and training-set size")


def answer(comparisons: Sequence[Comparison], conditions: Mapping[int, str], names: Mapping[int, str]) -> str:
    """The whole check in a sentence: who wins where, and what is open."""
    told = []
    for arm in (comparisons[0].b, comparisons[0].a):
        where = [conditions[c.condition] or "here" for c in comparisons if c.winner == arm]
        told.append(f"{names[arm]} wins {len(where)}" + (f" ({'; '.join(where)})" if where else ""))
    pending = sum(c.test.n < c.planned for c in comparisons)
    open_ones = sum(c.winner is None for c in comparisons) - pending
    return ", ".join([*told, f"{open_ones} not decided", *([f"{pending} still to come"] if pending else [])])


def _cell(c: Comparison) -> str:
    low, high = c.test.low, c.test.high
    if c.test.mean is None:
        return "…"
    spread = "" if low is None or high is None else f" [{low * 100:+.1f}, {high * 100:+.1f}]"
    return f"{c.test.mean * 100:+.1f}{spread} {c.state}, n {c.test.n}"


def _colour(text: str) -> str:
    if " decided" not in text or "not decided" in text:
        return ""
    return BETTER if text.startswith("+") else WORSE
