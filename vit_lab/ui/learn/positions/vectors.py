"""The figures of the lesson on positions: the encodings, and how alike they are."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.chart_style import constant_spec
from vit_lab.settings import configure
from vit_lab.ui.figures import matrix, patch_map
from vit_lab.ui.learn.lesson import look_for
from vit_lab.ui.learn.models import latest_vit, run_words, vit
from vit_lab.ui.train.form import train_link

KINDS = ("sinusoidal", "learned")
SIZES = (4, 7, 14)
MOST_CURVES = 6


def _curves() -> dict[str, Any]:
    line = alt.Chart().mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2).encode(
        x=alt.X("position:Q", title="position", axis=alt.Axis(grid=False, tickMinStep=1),
                scale=alt.Scale(nice=False)),
        y=alt.Y("value:Q", title="value", axis=alt.Axis(tickCount=4, format=".2~g")),
        color=alt.Color("dimension:N", sort=None, scale=alt.Scale(scheme="tableau10"), legend=alt.Legend(orient="bottom")),
        tooltip=["dimension:N", "position:Q", alt.Tooltip("value:Q", format=".3f")],
    )  # fmt: skip
    return constant_spec(alt.layer(line), 260)


CURVES = _curves()


def encoding_lesson(kind: str, patch_size: int) -> NDArray[np.float32]:
    """The encodings as a heatmap and as curves. Returns them, (N, D), one row a patch."""
    run = None
    if kind == "learned":
        run = latest_vit(lambda model: (model.position, model.patch_size) == ("learned", patch_size))
    config = run.config if run else configure(patch_size=patch_size, position=kind)
    values = encodings(config.model_dump_json(), run.id if run else None)
    if run:
        st.markdown(f"Learned by {run_words(run)}.")
    elif kind == "learned":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"No run with learned positions and patch size {patch_size} has finished here yet, so this is their "
                        "**init**: small random numbers (std 0.02, cut at two std).")  # fmt: skip
            st.page_link("pages/train.py", label="Train with learned positions", icon=":material/play_circle:",
                         query_params=train_link([config]))  # fmt: skip
    else:
        st.latex(r"PE_{(pos,\,2i)} = \sin\left(pos / 10000^{2i/D}\right)")
        st.latex(r"PE_{(pos,\,2i+1)} = \cos\left(pos / 10000^{2i/D}\right)")
    count, dim = values.shape
    rows, columns = ([str(number) for number in range(size)] for size in (count, dim))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**All {count} positions, {dim} numbers each**")
        shown = min(dim, 64)
        matrix.matrix(
            values[:, :shown], matrix.POSITIONS, "encodings", f"{kind} positions", rows=rows, columns=columns[:shown]
        )
        look_for("One row is what a patch is told about its place. Positions count from 0, as pos in the formula: position 0 is the first patch. " + (
            "In the first columns the numbers change with every step, in the last hardly at all: fast and slow clocks "
            "(Vaswani et al. 2017, Sec. 3.5)." if kind == "sinusoidal" else
            "If training found places useful, rows of neighbours resemble one another."))  # fmt: skip
    with right:
        st.markdown("**A few dimensions as curves**")
        default = [name for name in ("0", "1", "8", "9", "20") if int(name) < dim]
        picked = st.multiselect("Dimensions", columns, default, max_selections=MOST_CURVES, key=f"dimensions-{dim}")
        st.vega_lite_chart(curve_rows(values, picked), CURVES, key="curves", alt="Chosen dimensions against position")
        look_for("Each curve is one column of the picture of all positions. " + (
            "2i and 2i + 1 are a sine and a cosine of the same frequency." if kind == "sinusoidal" else
            "No formula made these: they are weights like all others."))  # fmt: skip
    return values


def similarity_lesson(kind: str, values: NDArray[np.float32]) -> None:
    """How alike positions are: one against all on the grid of patches, and all against all."""
    count = len(values)
    side = round(count**0.5)
    st.subheader("Which places are alike?", anchor=False)
    st.markdown(
        "The measure is **cosine similarity**: 1 for vectors of one direction, 0 for unrelated ones, −1 for opposite ones."
    )
    alike = similarities(values)
    left, right = st.columns([0.42, 0.58], gap="large")
    with left:
        place = st.slider("Position", 0, count - 1, min(count - 1, side + 1), key=f"position-{count}")
        st.markdown(f"**Position {place}: {patch_map.place_words(place, side)}, against all others**")
        patch_map.patch_map(alike[place], patch_map.SIMILARITY, "similarity-map", f"Cosine similarity to position {place}",
                            chosen=place)  # fmt: skip
        look_for("The framed patch is the chosen one. " + (
            "Sines count along the line in which patches are read: the neighbour to the right is near, the one below a whole "
            "row of steps away." if kind == "sinusoidal" else
            "In a large model that has learned for long, near patches are alike, and so are those of one row or column "
            "(Dosovitskiy et al. 2021, Fig. 7 centre). Is it so here?"))  # fmt: skip
    with right:
        st.markdown("**All against all**")
        names = [str(number) for number in range(count)]
        matrix.matrix(
            alike, matrix.SIMILARITY, "similarity", "Cosine similarity of all positions", rows=names, columns=names
        )
        look_for("A diagonal band means that near places are alike. " + (
            "For sines it is the same everywhere, since similarity depends on the distance alone." if kind == "sinusoidal" else
            "A bare diagonal means that every place only resembles itself."))  # fmt: skip


def curve_rows(values: NDArray[np.float32], dimensions: Sequence[str]) -> pd.DataFrame:
    """Columns position, dimension, value for some columns of the encodings."""
    frames = [
        pd.DataFrame({"position": np.arange(len(values)), "dimension": name, "value": values[:, int(name)].astype(float)})
        for name in dimensions
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["position", "dimension", "value"])


@st.cache_data(show_spinner=False, max_entries=32)
def encodings(config_json: str, run_id: str | None) -> NDArray[np.float32]:
    """What a model adds to its patches, (N, D); the class token's is left out."""
    model = vit(config_json, run_id)
    return model.position[0, -model.config.num_patches :].numpy().copy()


@st.cache_data(show_spinner=False, max_entries=32)
def similarities(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine between every two positions, (N, N)."""
    import torch

    from vit_lab.probes.positions import cosine_similarities

    return cosine_similarities(torch.from_numpy(values)).numpy()
