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


@st.cache_data(show_spinner=False, max_entries=64)
def patches_apart(index: int, patch_size: int) -> NDArray[np.uint8]:
    """The digit with its patches moved apart; the gaps are transparent, so it suits a light and a dark page. RGBA."""
    image = digit(index)
    side, zoom = len(image) // patch_size, PIXELS // len(image)
    gap = 0 if side == 1 else 8 if side <= 4 else 5 if side <= 7 else 3 if side <= 14 else 1
    tile = patch_size * zoom
    whole = side * tile + (side - 1) * gap
    picture = np.zeros((whole, whole, 4), np.uint8)
    large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    for row in range(side):
        for column in range(side):
            y, x = row * (tile + gap), column * (tile + gap)
            grey = large[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
            picture[y : y + tile, x : x + tile, :3] = grey[:, :, None]
            picture[y : y + tile, x : x + tile, 3] = 255
    return picture
