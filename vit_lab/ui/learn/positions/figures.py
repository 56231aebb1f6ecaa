"""The figures of the lesson on positions: the encodings, and how alike they are."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.chart_style import constant_spec, made_once
from vit_lab.analysis.colours import OTHERS
from vit_lab.config import RunConfig
from vit_lab.probes.positions import cosine_similarities
from vit_lab.ui.figures import matrix, patch_map
from vit_lab.ui.learn.models import computed, weights_of
from vit_lab.ui.serving.caches import BY_CONFIG

KINDS = ("sinusoidal", "learned")
SIZES = (4, 7, 14)
MOST_CURVES = 6
MOST_COLUMNS = 64
FIRST_CURVES = (0, 1, 8, 9, 20)  # dimensions, fast and slow
Array = NDArray[np.float32]


def _curves() -> dict[str, Any]:
    x = alt.X("position:Q", title="position", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, tickMinStep=1))
    y = alt.Y("value:Q", title="value", axis=alt.Axis(tickCount=4, format=".2~g"))
    legend = alt.Legend(orient="bottom")
    colour = alt.Color("dimension:N", sort=None, scale=alt.Scale(range=list(OTHERS)), legend=legend)
    tooltip = ["dimension:N", "position:Q", alt.Tooltip("value:Q", format=".3f")]
    line = alt.Chart().mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2)
    return constant_spec(alt.layer(line.encode(x=x, y=y, color=colour, tooltip=tooltip)), 260)


CURVES = made_once(_curves)


def all_encodings(values: Array, kind: str) -> None:
    """The encodings (N, D) as a heatmap, one row a patch."""
    shown = values[:, :MOST_COLUMNS]
    rows, columns = (_from_zero(size) for size in shown.shape)
    matrix.matrix(shown, matrix.POSITIONS, "encodings", f"{kind} positions", rows=rows, columns=columns)


def curves(values: Array) -> None:
    """Some columns of the encodings (N, D), which the person chooses, as curves."""
    dim = values.shape[1]
    default = [f"{number}" for number in FIRST_CURVES if number < dim]
    key = f"dimensions-{dim}"
    picked = st.multiselect("Dimensions", _from_zero(dim), default, max_selections=MOST_CURVES, key=key)
    st.vega_lite_chart(curve_rows(values, picked), CURVES(), key="curves", alt="Chosen dimensions against position")


def one_against_all(values: Array) -> None:
    """How alike one position, which the person chooses, is to all others, on the grid of patches."""
    count = len(values)
    side = round(count**0.5)
    place = st.slider("Position", 0, count - 1, min(count - 1, side + 1), key=f"position-{count}")
    st.markdown(f"**Position {place}: {patch_map.place_words(place, side)}, against all others**")
    words = f"Cosine similarity to position {place}"
    patch_map.patch_map(cosine_similarities(values)[place], patch_map.SIMILARITY, "similarity-map", words, chosen=place)


def all_against_all(values: Array) -> None:
    """How alike all positions are."""
    names = _from_zero(len(values))
    words = "Cosine similarity of all positions"
    matrix.matrix(cosine_similarities(values), matrix.SIMILARITY, "similarity", words, rows=names, columns=names)


def _from_zero(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def curve_rows(values: Array, dimensions: Sequence[str]) -> pd.DataFrame:
    """Columns position, dimension, value for some columns of the encodings."""
    frames = [pd.DataFrame({"value": values[:, int(name)].astype(float)}).assign(dimension=name) for name in dimensions]
    if not frames:
        return pd.DataFrame(columns=["position", "dimension", "value"])
    return pd.concat(frames).rename_axis("position").reset_index()


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=BY_CONFIG)
def encodings(config: RunConfig, run_id: str | None) -> Array:
    """What a model adds to its patches, (N, D); the class token's is left out."""
    found: Array = computed("images:encodings", config, weights_of(run_id))
    return found
