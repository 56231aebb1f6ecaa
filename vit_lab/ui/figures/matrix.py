"""A matrix as a heatmap with numbers to hover over: the specs, made once, and the rows that they draw."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.chart_style import SpecMaker, constant_spec, made_once
from vit_lab.analysis.colours import DIVERGING as BOTH_SIDES

DIVERGING = alt.Scale(scheme=BOTH_SIDES, domainMid=0)
COSINE = alt.Scale(scheme=BOTH_SIDES, domain=[-1, 1])
GREY = alt.Scale(domain=[0, 1], range=["#000000", "#ffffff"])
LEGEND = alt.Legend(orient="top", gradientThickness=8, gradientLength=150, format=".2~r", tickCount=4)
SEQUENTIAL = alt.Scale(scheme="viridis")
SHARE = alt.Scale(scheme="viridis", domain=[0, 1])


def _matrix(x: str, y: str, value: str, scale: alt.Scale, height: int = 300) -> dict[str, Any]:
    cells = (
        alt.Chart()
        .mark_rect()
        .encode(
            x=alt.X(
                "column:N",
                title=x,
                sort=alt.EncodingSortField("j", op="min"),
                axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False),
            ),
            y=alt.Y(
                "row:N",
                title=y,
                sort=alt.EncodingSortField("i", op="min"),
                axis=alt.Axis(labelOverlap=True, ticks=False),
            ),
            color=alt.Color("value:Q", title=None, scale=scale, legend=LEGEND),
            tooltip=[
                alt.Tooltip("row:N", title=y),
                alt.Tooltip("column:N", title=x),
                alt.Tooltip("value:Q", title=value, format=".3~g"),
            ],
        )
    )
    return constant_spec(alt.layer(cells), height)


PIXELS = made_once(_matrix, "pixel of the patch", "patch", "grey level", GREY)
TOKENS = made_once(_matrix, "dimension", "token", "value", DIVERGING)
POSITIONS = made_once(_matrix, "dimension", "position", "value", DIVERGING)
SIMILARITY = made_once(_matrix, "position", "position", "cosine similarity", COSINE, height=390)
FEATURES = made_once(_matrix, "feature of the head", "token", "value", DIVERGING)
SCORES = made_once(_matrix, "key", "query", "score", DIVERGING, height=340)
WEIGHTS = made_once(_matrix, "key", "query", "weight", SEQUENTIAL, height=340)
LENS = made_once(_matrix, "class", "after block", "probability", SHARE, height=240)
CONFUSION = made_once(_matrix, "says", "is", "share of the class", SHARE, height=320)
MASK = made_once(_matrix, "key", "query", "may read", SEQUENTIAL, height=340)


def matrix(
    values: NDArray[Any],
    spec: SpecMaker,
    key: str,
    words: str,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> None:
    """Draw a matrix; rows and columns are counted from 1 unless they have names."""
    st.vega_lite_chart(matrix_rows(values, rows, columns), spec(), key=key, alt=words)


def matrix_rows(values: NDArray[Any], rows: Sequence[str] = (), columns: Sequence[str] = ()) -> pd.DataFrame:
    """One row a number of a matrix: row and column by name, i and j by number, and the value.

    The numbers keep the order: an axis of names alone would stay as the matrix before left it.
    """
    height, width = values.shape
    row_names = list(rows) or [str(row + 1) for row in range(height)]
    column_names = list(columns) or [str(column + 1) for column in range(width)]
    names = {"row": np.repeat(row_names, width), "column": np.tile(column_names, height)}
    places = {"i": np.repeat(np.arange(height), width), "j": np.tile(np.arange(width), height)}
    return pd.DataFrame(names | places | {"value": np.asarray(values, dtype=float).ravel()})
