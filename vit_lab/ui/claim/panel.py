"""The claim checker: two inits on tasks of several sizes and difficulties, each with its verdict."""

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import Comparison, compare, scores_of, verdict
from vit_lab.analysis.comparison_rows import difference_rows
from vit_lab.analysis.summary import rate_words
from vit_lab.config import DataConfig
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.spelling import size_words
from vit_lab.ui.experiments.page import extend, extended_note, progress
from vit_lab.ui.prose import note


def claim_panel(store: Store, runs: list[RunRecord]) -> None:
    """The result grid, the differences and the verdicts of one check."""
    progress(runs)
    experiment = Experiment.of(runs)
    names, conditions = experiment.names, experiment.conditions
    comparisons = compare(experiment, scores_of(experiment))
    if not comparisons:
        st.info("This experiment has one arm only.")
        return
    a, b = names[comparisons[0].a], names[comparisons[0].b]
    st.markdown(f"#### {_answer(comparisons, conditions, a, b)}")
    st.caption(f"Of {len(comparisons)} comparisons, Holm-corrected together so that all of them err in 5 % of cases. "
               + rate_words(experiment))  # fmt: skip
    extended_note(store, runs)
    grid = _grid(comparisons, experiment.data)
    st.markdown(f"**{b} minus {a}, points of test accuracy**")
    st.dataframe(grid.style.map(_colour), key="claim-grid", alt="Difference and verdict by task and training-set size")
    labels = [conditions[c.condition] or "as set" for c in comparisons]
    st.markdown(f"**← {a} is better · {b} is better →**")
    st.vega_lite_chart(difference_rows(comparisons, labels), charts.DIFFERENCES, key="claim-differences",
                       alt="Paired differences by task and training-set size")  # fmt: skip
    note("""
        A small dot is a pair of runs with one seed; the diamond is the mean on its 95 % interval; green is decided.
        The intervals are not widened for the number of comparisons, the verdicts are.
    """)
    with st.expander("Every verdict in a sentence", icon=":material/gavel:"):
        for c, label in zip(comparisons, labels, strict=True):
            st.markdown(f"**{label}**: {verdict(c, a, b)}")
    extend(runs, arms=False)


def _answer(comparisons: list[Comparison], conditions: dict[int, str], a: str, b: str) -> str:
    told = []
    for arm, name in ((comparisons[0].b, b), (comparisons[0].a, a)):
        where = [conditions[c.condition] or "here" for c in comparisons if c.winner == arm]
        told.append(f"{name} wins {len(where)}" + (f" ({'; '.join(where)})" if where else ""))
    pending = sum(c.test.n < c.planned for c in comparisons)
    open_ones = sum(c.winner is None for c in comparisons) - pending
    return ", ".join([*told, f"{open_ones} not decided", *([f"{pending} still to come"] if pending else [])])


def _grid(comparisons: list[Comparison], data: dict[int, DataConfig]) -> pd.DataFrame:
    """Tasks down, training-set sizes across."""
    cells: dict[str, dict[str, str]] = {}
    for c in comparisons:
        one = data[c.condition]
        task = one.dataset + (f", {one.label_noise:.0%} noisy labels" if one.label_noise else "")
        cells.setdefault(task, {})[size_words(one)] = _cell(c)
    return pd.DataFrame.from_dict(cells, orient="index")


def _cell(c: Comparison) -> str:
    if c.test.mean is None:
        return "…"
    spread = (
        "" if c.test.low is None or c.test.high is None else f" [{c.test.low * 100:+.1f}, {c.test.high * 100:+.1f}]"
    )
    return f"{c.test.mean * 100:+.1f}{spread} {c.state}, n {c.test.n}"


def _colour(text: str) -> str:
    if " decided" not in text or "not decided" in text:
        return ""
    return "color: #0f8f83; font-weight: 600" if text.startswith("+") else "color: #d1495b; font-weight: 600"
