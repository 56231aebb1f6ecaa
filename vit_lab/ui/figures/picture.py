"""A model's input as the model receives it. All without torch."""

import base64
import io
import math
from contextlib import suppress
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vit_lab.data.bundled import BUNDLES, SIDE, load_bundled_digits, load_first
from vit_lab.data.errors import DatasetError
from vit_lab.data.pixels import load_pixels
from vit_lab.datasets import DATASETS, DIGITS, TRAVEL, is_available
from vit_lab.model_config import ModelConfig, TimesformerConfig, TransformerConfig

PIXELS = 252  # width of the picture of the whole digit, gaps left out: 9 screen pixels an image pixel
FIRST = 500  # images of a data set that pages choose from
MOST_SYMBOLS = 16  # of a sequence, in its picture


def as_url(picture: NDArray[np.uint8] | bytes) -> str:
    """A grey, RGB or RGBA picture, or the bytes of a GIF, as an address that holds the picture itself."""
    if isinstance(picture, bytes):
        return f"data:image/gif;base64,{base64.b64encode(picture).decode()}"
    out = io.BytesIO()
    Image.fromarray(picture).save(out, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def show_picture(
    picture: NDArray[np.uint8] | bytes, alt: str, width: int | Literal["stretch", "content"] = "content"
) -> None:
    """Show what `as_url` takes: as an address, for a file could be gone before a browser fetches it."""
    st.image(as_url(picture), alt=alt, width=width)


@st.cache_data(show_spinner=False)
def digit(index: int) -> NDArray[np.uint8]:
    """One of the bundled digits, (28, 28)."""
    return load_bundled_digits()[0][index]


@st.cache_data(show_spinner=False)
def places_of(label: int) -> list[int]:
    """Where the digits of a class are among the bundled ones."""
    return np.flatnonzero(load_bundled_digits()[1] == label).tolist()


def example(dataset: str, size: int) -> NDArray[np.uint8]:
    """The first image of a data set, (S, S) or (S, S, C); where it cannot be had, a bundled digit of that size."""
    if is_available(dataset):
        with suppress(DatasetError):
            return first_images(dataset)[0][0]
    return np.asarray(Image.fromarray(digit(0)).resize((size, size)))


@st.cache_data(show_spinner=False)
def first_images(dataset: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """The first images of a data set, for training, and their labels. Raises DatasetError."""
    if dataset in BUNDLES:
        return load_first(dataset, FIRST)
    pixels = load_pixels(dataset)
    return pixels.train_images[:FIRST], pixels.train_labels[:FIRST]


@st.cache_data(show_spinner=False, max_entries=64)
def apart(image: NDArray[np.uint8], patch_size: int) -> NDArray[np.uint8]:
    """An image (S, S) or (S, S, C) with its patches moved apart, RGBA.

    The gaps are transparent, so it suits a light and a dark page.
    """
    side = len(image) // patch_size
    gap = 0 if side == 1 else 8 if side <= 4 else 5 if side <= 7 else 3 if side <= 14 else 1
    return _apart(image, patch_size, PIXELS // len(image), gap)


@st.cache_data(show_spinner=False, max_entries=64)
def frames_apart(index: int, frames: int, patch_size: int) -> NDArray[np.uint8]:
    """The digit on its way to the right, frame by frame from the upper left, each cut into patches. RGBA."""
    image, half = digit(index), SIDE // 2
    small = image.reshape(half, 2, half, 2).mean(axis=(1, 3)).astype(np.uint8)
    first, top = (half - TRAVEL) // 2, half // 2
    across = math.ceil(math.sqrt(2 * frames))
    tiles = []
    for frame in range(frames):
        clip, left = np.zeros_like(image), first + round(frame * TRAVEL / (frames - 1))
        clip[top : top + half, left : left + half] = small
        tiles.append(np.pad(_apart(clip, patch_size, 4, 2 if patch_size > 2 else 1), ((0, 12), (0, 12), (0, 0))))
    tiles += [np.zeros_like(tiles[0])] * (-frames % across)
    rows = [np.concatenate(tiles[first : first + across], axis=1) for first in range(0, len(tiles), across)]
    return np.concatenate(rows)[:-12, :-12]


def sequence_words(dataset: str, model: TransformerConfig) -> str:
    """A sequence and what is to be written for it."""
    source = [str(1 + (2 + 7 * place) % (model.vocabulary - 1)) for place in range(model.sequence_length)]
    wanted = source if dataset == "copy" else source[::-1]
    shown = [" ".join(some[:MOST_SYMBOLS]) + " …" * (len(some) > MOST_SYMBOLS) for some in (source, wanted)]
    return f"It reads  \n`{shown[0]}`  \nand is to write  \n`{shown[1]}`"


PICTURE_AND_WORDS = {
    "vit": (0.22, 0.78),
    "timesformer": (0.36, 0.64),
    "transformer": (0.26, 0.74),
}  # of the page's width


def draw_input(dataset: str, model: ModelConfig) -> None:
    """An example of what the model reads, as it reads it."""
    if isinstance(model, TransformerConfig):
        st.markdown(sequence_words(dataset, model))
    elif isinstance(model, TimesformerConfig):
        picture = frames_apart(0, model.num_frames, model.patch_size)
        alt = f"{model.num_frames} frames of a digit in {model.patch_size}-pixel patches"
        show_picture(picture, width="stretch", alt=alt)
    else:
        what = "A digit" if DATASETS[dataset].classes == DIGITS else f"An image of {dataset}"
        alt = f"{what} in {model.patch_size}-pixel patches"
        show_picture(apart(example(dataset, model.image_size), model.patch_size), width=150, alt=alt)


def _apart(image: NDArray[np.uint8], patch_size: int, zoom: int, gap: int) -> NDArray[np.uint8]:
    """An image enlarged, its patches moved apart by `gap` screen pixels."""
    side, tile = len(image) // patch_size, patch_size * zoom
    large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    tiles = large.reshape(side, tile, side, tile, -1).swapaxes(1, 2).reshape(side * side, tile, tile, -1)
    return sheet(tiles, side, gap)


def sheet(tiles: NDArray[np.uint8], columns: int, gap: int) -> NDArray[np.uint8]:
    """Tiles (n, height, width), (n, height, width, C) in grey or RGB, in rows of `columns`. RGBA, with clear gaps."""
    if tiles.ndim == 3:
        tiles = tiles[..., None]
    count, height, width, channels = tiles.shape
    if channels not in (1, 3):  # no colours that a person sees
        tiles = tiles.mean(axis=-1, keepdims=True).astype(np.uint8)
    rows = -(-count // columns)
    picture = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for place, tile in enumerate(tiles):
        y, x = place // columns * (height + gap), place % columns * (width + gap)
        picture[y : y + height, x : x + width, :3] = tile
        picture[y : y + height, x : x + width, 3] = 255
    return picture
