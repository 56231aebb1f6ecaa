"""Clips as pictures: frames in a row, with what a patch reads in colour, and a film that plays."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

A_ROW = 8  # frames in a row of a strip
ROW_PIXELS = 1_120  # width of a strip, about
SPACE, TIME, QUERY = (15, 143, 131), (249, 115, 22), (59, 130, 246)  # teal, orange, and blue as in the paper's Fig. 2
Look = tuple[NDArray[np.float32], tuple[int, int, int]]  # weights, and their colour
FAINTEST, STRONGEST = 0.22, 0.85  # how much of the colour covers a patch that is within reach


def grey(clip: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A clip (T, S, S) as numbers from 0, its darkest, to 255."""
    low, high = clip.min(), clip.max()
    return ((clip - low) / max(high - low, 1e-9) * 255).astype(np.uint8)


def strip(clip: NDArray[np.uint8], patch_size: int, query: tuple[int, int], looks: list[Look]) -> NDArray[np.uint8]:
    """The frames of a clip (T, S, S) in rows, RGBA with see-through gaps.

    `looks` are weights (T, N) with a colour each. The larger its weight, the more of the colour a patch gets; one of
    weight 0 is out of reach and stays grey. The query (frame, patch) is framed.
    """
    frames, size, _ = clip.shape
    across = min(frames, A_ROW)
    zoom = max(ROW_PIXELS // (across * size), 2)
    side, tile, gap = size // patch_size, patch_size * zoom, 2 * zoom
    whole = size * zoom
    rows = -(-frames // across)
    picture = np.zeros((rows * whole + (rows - 1) * gap, across * whole + (across - 1) * gap, 4), np.uint8)
    for frame in range(frames):
        large = clip[frame].repeat(zoom, axis=0).repeat(zoom, axis=1)
        tiles = np.stack([large] * 3, axis=-1).astype(float)
        for weights, colour in looks:
            strongest = max(float(weights.max()), 1e-9)
            for patch in np.flatnonzero(weights[frame] > 0):
                cover = FAINTEST + (STRONGEST - FAINTEST) * weights[frame, patch] / strongest
                y, x = (place * tile for place in divmod(int(patch), side))
                part = tiles[y : y + tile, x : x + tile]
                part[:] = (1 - cover) * part + cover * np.array(colour)
        for line in range(tile, whole, tile):  # thin lines between the patches
            tiles[line - 1 : line + 1] *= 0.6
            tiles[:, line - 1 : line + 1] *= 0.6
        if frame == query[0]:
            y, x = (place * tile for place in divmod(query[1], side))
            _frame(tiles[y : y + tile, x : x + tile], max(zoom, 3))
        row, column = divmod(frame, across)
        at = picture[row * (whole + gap) :, column * (whole + gap) :]
        at[:whole, :whole, :3], at[:whole, :whole, 3] = tiles, 255
    return picture


def _frame(part: NDArray[np.float64], width: int) -> None:
    part[:width], part[-width:], part[:, :width], part[:, -width:] = QUERY, QUERY, QUERY, QUERY


def film(clip: NDArray[np.uint8], *, zoom: int = 6, milliseconds: int = 160) -> bytes:
    """A clip (T, S, S) as a GIF that plays over and over and rests on its last frame."""
    pictures = [Image.fromarray(frame.repeat(zoom, axis=0).repeat(zoom, axis=1)) for frame in clip]
    out = io.BytesIO()
    durations = [milliseconds] * (len(pictures) - 1) + [6 * milliseconds]
    pictures[0].save(out, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return out.getvalue()
