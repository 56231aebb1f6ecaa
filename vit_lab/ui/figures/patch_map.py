"""A number for each patch, where the patch is: over the image or alone, with the values to hover over."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.chart_style import SpecMaker, constant_spec, made_once
from vit_lab.analysis.colours import RED
from vit_lab.data.bundled import SIDE
from vit_lab.ui.figures.matrix import COSINE, DIVERGING, SEQUENTIAL
from vit_lab.ui.figures.picture import as_url


def _map(value: str, scale: alt.Scale, size: int, opacity: float, number: str = "") -> dict[str, Any]:
    """A square of `size` screen pixels. `number` is the format in which values stand on the patches, if they do."""
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, SIDE], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[SIDE, 0], nice=False))
    picture = (
        alt.Chart()
        .mark_image(width=alt.expr("width"), height=alt.expr("height"), aspect=False)
        .encode(x=x, y=y, url="url:N")
    )
    place = {"x": x, "y": y, "x2": "x2:Q", "y2": "y2:Q"}
    tooltip = [alt.Tooltip("place:N", title="patch"), alt.Tooltip("value:Q", title=value, format=".4~g")]
    colour = alt.Color("value:Q", scale=scale, legend=None)
    tiles = alt.Chart().mark_rect(opacity=opacity).encode(**place, color=colour, tooltip=tooltip)
    frame = alt.Chart().mark_rect(fill=None, stroke=RED, strokeWidth=3 if size > 200 else 2).encode(**place)
    of_patches = alt.datum.kind == "patch"
    layers = [
        picture.transform_filter(alt.datum.kind == "image"),
        tiles.transform_filter(of_patches),
        frame.transform_filter(alt.datum.chosen),
    ]
    if number:
        text = alt.Text("value:Q", format=number)
        words = alt.Chart().encode(x="middle_x:Q", y="middle_y:Q", text=text, tooltip=tooltip)
        for style in ({"color": "black", "stroke": "black", "strokeWidth": 3}, {"color": "white"}):
            layers.append(words.mark_text(fontSize=12, fontWeight=600, **style).transform_filter(of_patches))
    spec = constant_spec(alt.layer(*layers), size)
    return spec | {"width": size, "autosize": {"type": "pad"}}


SIMILARITY = made_once(_map, "cosine similarity", COSINE, 280, 1.0, ".2f")
SCORES = made_once(_map, "score", DIVERGING, 300, 0.72, ".2f")
WEIGHTS = made_once(_map, "weight", SEQUENTIAL, 300, 0.72, ".2f")
HEAD = made_once(_map, "weight", SEQUENTIAL, 130, 0.72)


def patch_map(
    values: NDArray[Any],
    spec: SpecMaker,
    key: str,
    words: str,
    *,
    chosen: int | None = None,
    image: NDArray[np.uint8] | None = None,
) -> None:
    """Draw the values (N,) of an image's patches, over the image if given; the `chosen` patch is framed."""
    st.vega_lite_chart(map_rows(values, chosen, image), spec(), key=key, alt=words, width="content")


def map_rows(values: NDArray[Any], chosen: int | None, image: NDArray[np.uint8] | None) -> pd.DataFrame:
    """One row a patch, and one for the image: what stands where, in pixels of the image."""
    side = round(len(values) ** 0.5)
    size = SIDE / side
    rows: list[dict[str, Any]] = []
    if image is not None:
        large = image.repeat(10, axis=0).repeat(10, axis=1)  # so that no browser blurs it
        rows.append({"kind": "image", "x": SIDE / 2, "y": SIDE / 2, "url": as_url(large), "chosen": False})
    for place, value in enumerate(values):
        y, x = divmod(place, side)
        box = {"x": x * size, "x2": (x + 1) * size, "y": y * size, "y2": (y + 1) * size}
        middle = {"middle_x": (x + 0.5) * size, "middle_y": (y + 0.5) * size}
        told = {"value": float(value), "place": place_words(place, side), "chosen": place == chosen}
        rows.append({"kind": "patch"} | box | middle | told)
    return pd.DataFrame(rows)


def place_words(place: int, side: int) -> str:
    """Where a patch is, places counted from 0: 'row 1, column 3'."""
    return f"row {place // side + 1}, column {place % side + 1}"
