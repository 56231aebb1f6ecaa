"""What the probes measured: at one step by layer, block or head, or over all steps as a map."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.analysis.chart_style import SpecMaker
from vit_lab.places import read_place
from vit_lab.runs.records import RunRecord
from vit_lab.spelling import written_out
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.rows import FAR, named, placed
from vit_lab.ui.prose import note, prose

DARK, MOST_DARK = 0.02, 6  # of the largest gradient; layers that are named


def layer_words(layer: str) -> str:
    """A layer, as it is spelled in files, as a person says it."""
    return read_place(layer).words


def by_place(
    measure: str, now: pd.DataFrame, spec: SpecMaker, title: str, words: str, far: SpecMaker | None = None
) -> None:
    """A measure at the moment of `now` for all arms, under its title and above the words that say what it tells.

    Arms that are `far` apart have a spec of their own, with a logarithmic axis, if there is one.
    """
    st.markdown(f"**{title}**")
    rows = placed(now[now["measure"] == measure])
    if far and 0 < FAR * rows["value"].min() < rows["value"].max():
        spec = far
    rows = named(rows)
    st.vega_lite_chart(rows, spec(), key=f"by-place-{measure}", alt=prose(words))
    note(words)


def map_of_steps(
    measure: str,
    table: pd.DataFrame,
    spec: SpecMaker,
    title: str,
    words: str,
    *,
    runs: Sequence[RunRecord],
    step: int,
) -> None:
    """A measure by place and step, a map for each run on one scale of colours; the step is framed."""
    st.markdown(f"**{title}**")
    rows = placed(table[table["measure"] == measure])
    smallest = rows.loc[rows["value"] > 0, "value"].min()
    rows = rows.assign(shade=rows["value"].clip(lower=smallest))
    for run, column in zip(runs, st.columns(len(runs)), strict=True):
        with column:
            shown = rows["run"] == run.id
            marked = rows.assign(shown=shown, chosen=shown & (rows["step"] == step)).sort_values("shown", kind="stable")
            st.markdown(chip(run.arm))
            st.vega_lite_chart(marked, spec(), key=f"{measure}-map-{run.arm}", alt=f"{title} of arm {letter(run.arm)}")
            if told := dark_words(rows[shown & (rows["step"] == step)]):
                note(told)
    note(words)


def dark_words(now: pd.DataFrame) -> str:
    """The layers that are dark at a step, by name and number: those far below the largest; nothing if there are none.

    What has no layers has no dark ones.
    """
    if "layer" not in now.columns or now.empty:
        return ""
    found = now[now["value"] < DARK * now["value"].max()].sort_values("value")
    told = [f"{layer_words(row.layer)} {written_out(row.value, 2)}" for row in found.itertuples()]
    more = f" and {len(told) - MOST_DARK} more" if len(told) > MOST_DARK else ""
    return (
        f"Dark: {', '.join(told[:MOST_DARK])}{more}; the largest is {written_out(now['value'].max(), 2)}."
        if told
        else ""
    )
