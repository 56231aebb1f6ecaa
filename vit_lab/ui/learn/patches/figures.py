"""The figures of the lesson on patches: from an image to tokens, and what the embedding looks for."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.lessons.seen import Stages
from vit_lab.refusals import divisors
from vit_lab.settings import configure
from vit_lab.ui.figures import matrix
from vit_lab.ui.figures.picture import sheet, show_picture
from vit_lab.ui.learn.models import computed, weights_of
from vit_lab.ui.serving.caches import BY_CONFIG

MOST_ROWS, MOST_COLUMNS = 49, 64  # of a matrix that is shown
MOST_PRINCIPAL = 28  # as many as in the paper's figure
STRIP_PIXELS = 1_024  # about, width of a row of colours
SHEET_PIXELS = 420  # about, width of the pictures of filters


def pixel_rows(found: Stages, channels: int) -> None:
    """Every patch as a row of its pixels: grey levels to hover over, or colours."""
    rows, words = found.rows[:MOST_ROWS], "Pixels of each patch as a row"
    if channels == 1:
        matrix.matrix(rows, matrix.PIXELS, "rows", words)
        return
    pixels = np.round(255 * rows).astype(np.uint8).reshape(len(rows), 1, -1, channels)
    width = max(1, STRIP_PIXELS // pixels.shape[2])
    show_picture(sheet(pixels.repeat(12, axis=1).repeat(width, axis=2), 1, gap=3), alt=words, width="stretch")


def tokens_before_and_after(found: Stages) -> None:
    """The tokens before positions are added, and as they enter the first block."""
    before, after = st.columns(2)
    with before:
        st.markdown("**Before positions**")
        matrix.matrix(found.embedded[:MOST_ROWS, :MOST_COLUMNS], matrix.TOKENS, "embedded", "Tokens before positions")
    with after:
        st.markdown("**What enters the first block**")
        names = ["class"] * (len(found.tokens) - len(found.embedded))
        names += [str(place + 1) for place in range(len(found.embedded))]
        shown = found.tokens[:MOST_ROWS, :MOST_COLUMNS]
        matrix.matrix(shown, matrix.TOKENS, "tokens", "Tokens with positions", rows=names[:MOST_ROWS])


def part_shown(values: NDArray[Any], most_columns: int) -> str:
    """A sentence that says how much of a matrix is shown; nothing where all of it is."""
    limits = (MOST_ROWS, "rows"), (most_columns, "columns")
    sizes = zip(values.shape, limits, strict=True)
    parts = [f"{most} of {count} {what}" for count, (most, what) in sizes if count > most]
    return f"The first {' and '.join(parts)} are shown." if parts else ""


def filters(config: RunConfig, run_id: str | None, principal: bool) -> None:
    """The filters of the embedding, one tile each, or their principal components."""
    when = "after training" if run_id else "at the init"
    show_picture(_filter_sheet(config, run_id, principal), alt=f"Patch filters {when}")


def costs(dataset: str) -> pd.DataFrame:
    """Patch size, tokens, numbers a patch, and scores a head for each patch size that divides the set's images."""
    asked, rows = DATASETS[dataset].asks, {}
    for size in divisors(asked["image_size"]):
        patches = configure(dataset=dataset, patch_size=size).model.num_tokens
        rows[f"{size}"] = f"{patches:,}", f"{size**2 * asked['channels']:,}", f"{patches**2:,}"
    numbers = "numbers a patch P²" if asked["channels"] == 1 else "numbers a patch P²·C"
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["tokens N", numbers, "scores a head N²"])
    return table.rename_axis("patch size P")


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=BY_CONFIG)
def stages(pixels: bytes, config: RunConfig, run_id: str | None) -> Stages:
    """The stages of an image of these levels, in the model of a config at its init, or of a run of it."""
    found: Stages = computed("images:stages", config, weights_of(run_id), pixels)
    return found


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=BY_CONFIG)
def moved(config: RunConfig, run_id: str) -> float:
    """How far training has moved the filters, over their size at the init (see `vit_lab.probes.weights`)."""
    found: float = computed("images:moved", config, weights_of(run_id))
    return found


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=BY_CONFIG)
def _filter_sheet(config: RunConfig, run_id: str | None, principal: bool) -> NDArray[np.uint8]:
    most = MOST_PRINCIPAL if principal else MOST_COLUMNS
    tiles = computed("images:filters", config, weights_of(run_id), principal, most)
    columns = min(len(tiles), 7 if principal else 8)
    zoom = max(1, SHEET_PIXELS // (columns * tiles.shape[1]))
    return sheet(as_levels(tiles).repeat(zoom, axis=1).repeat(zoom, axis=2), columns, gap=4)


def as_levels(tiles: NDArray[Any]) -> NDArray[np.uint8]:
    """Weights (n, P, P, C) as levels: 0 is the middle, the largest of all, whatever its sign, is 0 or 255."""
    return np.round(127.5 + 127.5 * tiles / max(np.abs(tiles).max(), 1e-12)).astype(np.uint8)
