"""The digit that a lesson looks at: one of the bundled ones, or one drawn by hand."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.data.bundled import SIDE
from vit_lab.ui.figures.picture import digit, places_of
from vit_lab.ui.learn.pad import digit_pad

BUNDLED, DRAWN = "A bundled digit", "Draw one"


@dataclass(frozen=True)
class Digit:
    """Grey levels (28, 28), 0 to 255, and what it is in words. `pixels` are the same levels as plain bytes."""

    image: NDArray[np.uint8]
    words: str

    @property
    def pixels(self) -> bytes:
        """All grey levels, row by row, as a key of caches."""
        return self.image.tobytes()


def choose_digit(key: str) -> Digit:
    """Controls that choose a digit; an empty pad stands for a blank image."""
    way = st.segmented_control("Image", [BUNDLED, DRAWN], default=BUNDLED, required=True, key=f"{key}_way")
    if way == DRAWN:
        drawn = digit_pad(f"{key}_pad")
        if drawn is None:
            st.caption("Draw a digit: the page follows each stroke as soon as it ends.")
        return Digit(np.zeros((SIDE, SIDE), np.uint8) if drawn is None else drawn, "your drawing")
    left, right = st.columns(2, wrap=False)
    label = left.selectbox("Digit", range(10), index=5, key=f"{key}_label")
    places = places_of(label)
    which = right.number_input(
        "Which",
        1,
        len(places),
        1,
        key=f"{key}_which",
        help="Digits of this class among the bundled ones; + is the next.",
    )
    return Digit(digit(places[int(which) - 1]), f"bundled digit {label}, number {which}")


def as_array(pixels: bytes | bytearray) -> NDArray[np.uint8]:
    """The image of some `Digit.pixels`."""
    return np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)
