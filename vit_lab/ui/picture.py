"""A digit as the model receives it: cut into patches."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.data.bundled import load_bundled_digits

PIXELS = 252  # width of the picture of the whole digit, gaps left out: 9 screen pixels an image pixel


@st.cache_data(show_spinner=False)
def digit(index: int) -> NDArray[np.uint8]:
    """One of the bundled digits, (28, 28)."""
    return load_bundled_digits()[0][index]


@st.cache_data(show_spinner=False)
def places_of(label: int) -> list[int]:
    """Where the digits of a class are among the bundled ones."""
    return np.flatnonzero(load_bundled_digits()[1] == label).tolist()


def patches_apart(index: int, patch_size: int) -> NDArray[np.uint8]:
    """A bundled digit with its patches moved apart, see `apart`."""
    return apart(digit(index), patch_size)


@st.cache_data(show_spinner=False, max_entries=64)
def apart(image: NDArray[np.uint8], patch_size: int) -> NDArray[np.uint8]:
    """Any image (28, 28) with its patches moved apart; the gaps are transparent, so it suits a light and a dark page. RGBA."""
    zoom = PIXELS // len(image)
    side = len(image) // patch_size
    gap = 0 if side == 1 else 8 if side <= 4 else 5 if side <= 7 else 3 if side <= 14 else 1
    large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    tile = patch_size * zoom
    tiles = large.reshape(side, tile, side, tile).swapaxes(1, 2).reshape(side * side, tile, tile)
    return sheet(tiles, side, gap)


def sheet(tiles: NDArray[np.uint8], columns: int, gap: int) -> NDArray[np.uint8]:
    """Grey tiles (n, height, width) side by side in rows of `columns`, with transparent gaps between them. RGBA."""
    count, height, width = tiles.shape
    rows = -(-count // columns)
    picture = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for place, tile in enumerate(tiles):
        y, x = place // columns * (height + gap), place % columns * (width + gap)
        picture[y : y + height, x : x + width, :3] = tile[:, :, None]
        picture[y : y + height, x : x + width, 3] = 255
    return picture
