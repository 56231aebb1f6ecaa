"""The image that a lesson looks at: a bundled digit, one drawn by hand, or a photo of a set that is on this machine."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.data.bundled import SIDE
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import DATASETS, is_available
from vit_lab.model_config import datasets_for
from vit_lab.ui.figures.picture import digit, first_images, places_of
from vit_lab.ui.learn.pad import DRAWING, digit_pad

LAST_WAY = "last_way"  # in the session: a drawing goes along to the next lesson, until another image is chosen
BUNDLED, DRAWN = "A bundled digit", "Draw one"
DIGITS = "mnist-10k"


@dataclass(frozen=True)
class Image:
    """Levels (S, S) in grey or (S, S, C) in colour, 0 to 255, what it is in words, and whose shape it has.

    `pixels` are the same levels as plain bytes.
    """

    image: NDArray[np.uint8]
    words: str
    dataset: str = DIGITS

    @property
    def pixels(self) -> bytes:
        """All levels, row by row, as a key of caches."""
        return self.image.tobytes()

    @property
    def size(self) -> int:
        """Height and width."""
        return len(self.image)

    @property
    def channels(self) -> int:
        """1 in grey."""
        return self.image[0, 0].size


def choose_image(key: str) -> Image:
    """Controls that choose an image; an empty pad stands for a blank one."""
    like_digits = DATASETS[DIGITS].shape
    photos = [name for name in datasets_for("vit") if DATASETS[name].shape != like_digits and is_available(name)]
    ways = [BUNDLED, DRAWN, *photos]
    first = st.session_state.get(LAST_WAY) if st.session_state.get(DRAWING) else None
    way = st.segmented_control("Image", ways, default=first or BUNDLED, required=True, key=f"{key}_way")
    st.session_state[LAST_WAY] = DRAWN if way == DRAWN else None
    if way == DRAWN:
        drawn = digit_pad(f"{key}_pad")
        if drawn is None:
            st.caption("Draw a digit: the page follows each stroke as soon as it ends.")
        return Image(np.zeros((SIDE, SIDE), np.uint8) if drawn is None else drawn, "your drawing")
    if way in photos:
        try:
            return _photo(key, way)
        except DatasetError as error:
            st.error(str(error))
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
    return Image(digit(places[int(which) - 1]), f"bundled digit {label}, number {which}")


def _photo(key: str, dataset: str) -> Image:
    """One of the first photos of a set, by class. Raises DatasetError."""
    images, labels = first_images(dataset)
    classes = DATASETS[dataset].classes
    left, right = st.columns(2, wrap=False)
    label = left.selectbox("Class", np.unique(labels), format_func=lambda label: classes[label], key=f"{key}_class")
    places = np.flatnonzero(labels == label)
    which = right.number_input(
        "Which",
        1,
        len(places),
        1,
        key=f"{key}_photo",
        help="Photos of this class among the first of the set; + is the next.",
    )
    words = f"{classes[label]} {which} of {dataset}"
    return Image(images[places[int(which) - 1]], words, dataset)
