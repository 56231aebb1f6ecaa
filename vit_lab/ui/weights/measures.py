"""What the probes measured: at one step by layer, block or head, or over all steps as a map."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.places import read_place
from vit_lab.runs.records import RunRecord
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.rows import placed
from vit_lab.ui.prose import note, prose


def layer_words(layer: str) -> str:
    """A layer, as it is spelled in files, as a person says it."""
    return read_place(layer).words


def by_place(measure: str, now: pd.DataFrame, spec: dict[str, Any], title: str, words: str) -> None:
    """A measure at the moment of `now` for all arms, under its title and above the words that say what it tells."""
    st.markdown(f"**{title}**")
    rows = placed(now[now["measure"] == measure])
    st.vega_lite_chart(rows, spec, key=f"by-place-{measure}", alt=prose(words))
    note(words)


def map_of_steps(
    measure: str,
    table: pd.DataFrame,
    spec: dict[str, Any],
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
            st.vega_lite_chart(marked, spec, key=f"{measure}-map-{run.arm}", alt=f"{title} of arm {letter(run.arm)}")
    note(words)
