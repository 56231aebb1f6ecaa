"""Sets of images in IDX files, the format of MNIST: a few bytes that tell the shape, then the numbers.

The header is two zeros, 8 for unsigned bytes, the number of dimensions, and each dimension as a big-endian int32
(LeCun, Cortes & Burges 1998).
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_lab.data.pixels import Pixels
from vit_lab.datasets import DATASETS
from vit_lab.paths import data_folder


def load(name: str) -> Pixels:
    """The four files of a downloaded set. Raises OSError, and ValueError if one of them is damaged."""
    download = DATASETS[name].download
    assert download is not None
    return Pixels(*(read_idx(data_folder() / file) for file in download.files))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The numbers of a file, shaped as its header says. Raises OSError, and ValueError if it is no such file."""
    content = np.fromfile(path, np.uint8)
    if content[:3].tolist() != [0, 0, 8] or len(content) < 4:
        raise ValueError(f"{path.name} is not an IDX file of bytes")
    dimensions = int(content[3])
    numbers = content[4 + 4 * dimensions :]
    shape = tuple(int.from_bytes(content[place : place + 4]) for place in range(4, 4 + 4 * dimensions, 4))
    if len(numbers) != math.prod(shape):
        raise ValueError(f"{path.name} has {len(numbers):,} bytes where its header says {math.prod(shape):,}")
    return numbers.reshape(shape)
