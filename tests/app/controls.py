"""Every control of a page, turned to both ends of what it offers and to the middle."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from streamlit.testing.v1 import AppTest

KINDS = ("selectbox", "number_input", "toggle", "segmented_control", "select_slider", "slider", "multiselect")


def keys_of(at: AppTest) -> set[str]:
    """The keys of all widgets on the page."""
    return {widget.key for kind in KINDS for widget in getattr(at, kind)}


def turned(at: AppTest, controls: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    """Set each control to the first, the middle and the last of its values, and look whether the page bears it.

    Each is put back before the next is turned. `controls` must name all widgets of the page, so that none is forgotten.
    """
    assert keys_of(at) == set(controls)
    for key, values in controls.items():
        before = at.session_state[key]
        for value in ends_and_middle(values):
            at.session_state[key] = value
            at.run()
            assert not at.exception, (key, value, at.exception)
            assert not at.error, (key, value, at.error)
            yield key, value
        at.session_state[key] = before  # which the run of the next control carries out
    at.run()


def ends_and_middle(values: Sequence[Any]) -> list[Any]:
    """The first, the middle and the last of some values, each once."""
    places = sorted({0, len(values) // 2, len(values) - 1})
    return [values[place] for place in places]


def chart_rows(at: AppTest, words: str) -> pd.DataFrame:
    """The data of the chart that says these words, or begins with them, to those who cannot see it."""
    (chart,) = [one for one in at.get("vega_lite_chart") if one.proto.alt.startswith(words)]
    data = chart.proto.datasets[0].data.data if chart.proto.datasets else chart.proto.data.data
    return pa.ipc.open_stream(io.BytesIO(data)).read_pandas()


def matrix_of(rows: pd.DataFrame) -> np.ndarray:
    """The matrix that a heatmap's rows (row, column, value) hold."""
    return rows["value"].to_numpy().reshape(rows["row"].nunique(), rows["column"].nunique())
