"""CIFAR-10 as its author publishes it for Python: six pickles of 10,000 images (Krizhevsky 2009).

A pickle can have any function called, so these are not simply unpickled: their reader knows the three names with which
Python 2 wrote an array, and what stands behind them only keeps what it is given.
"""

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_lab.data.pixels import Pixels
from vit_lab.datasets import DATASETS
from vit_lab.paths import data_folder

LARGEST = 2**26  # bytes of a file; a batch has half as many
MOST_REMEMBERED = 2**17  # objects that a pickle can come back to; a batch has the names of 10,000 pictures
KNOWN = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


def load(name: str) -> Pixels:
    """The batches of a downloaded set. Raises OSError, or anything else if one of them is damaged."""
    about = DATASETS[name]
    assert about.download is not None and about.shape is not None
    *train, test, _ = (data_folder() / file for file in about.download.files)
    parts = (zip(*(read_batch(file, about.shape) for file in files), strict=True) for files in (train, [test]))
    return Pixels(*(np.concatenate(part) for images_and_labels in parts for part in images_and_labels))


def read_batch(path: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images of shape (C, S, S), as (n, S, S, C), and labels (n,). Raises OSError, or anything else if damaged."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} is too large for a batch of images")
    match _Reader(path).load():
        case {b"data": _Given() as images, b"labels": [*labels]} if all(type(label) is int for label in labels):
            rows = images.rows(math.prod(shape))
            if len(rows) == len(labels):
                return rows.reshape(-1, *shape).transpose(0, 2, 3, 1), np.array(labels, np.int64)
    raise ValueError(f"{path.name} is no batch of images")


class _Given:
    """What stands for an array, and for the type of its numbers: what numpy would have been given to make it."""

    def __init__(self, *arguments: Any):
        self.arguments = arguments
        self.state: Any = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def rows(self, width: int) -> NDArray[np.uint8]:
        """The array, (n, width), if it is one of bytes in rows. Raises ValueError or TypeError if it is another."""
        _, shape, of, column_by_column, content = self.state
        count, rest = divmod(len(content), width)
        if (rest, shape, of.arguments[:1], column_by_column) != (0, (count, width), (b"u1",), False):
            raise ValueError(f"the images of a batch are not {width} bytes each")
        return np.frombuffer(content, np.uint8).reshape(count, width)


class _Reader(pickle.Unpickler):
    """Reads what Python 2 pickled, in which texts are bytes. Raises ValueError if it asks for anything but an array."""

    def __init__(self, path: Path):
        content = path.read_bytes()
        super().__init__(io.BytesIO(content), encoding="bytes")
        self.file = path.name
        for opcode, place, _ in pickletools.genops(content):  # memory is made ready for the highest place
            if "PUT" in opcode.name and int(place or 0) > MOST_REMEMBERED:
                raise ValueError(f"{self.file} is no batch of images")

    def find_class(self, module: str, name: str) -> type[_Given]:
        """The one class that stands behind all known names."""
        if (module, name) not in KNOWN:
            raise ValueError(f"{self.file} asks for {module}.{name}"[:80] + ", which no batch of images does")
        return _Given
