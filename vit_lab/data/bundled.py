"""The pictures that come with ViT Lab, so that it works without a network: digits, and clothes, which are harder.

The digits are the first 10,000 training images of MNIST, in one fixed random order, the clothes the first 10,000 of
Fashion-MNIST in their own: any long slice is a mix of all ten classes. Whose they are, and under which licence, stands
in LICENSE-mnist.md and LICENSE-fashion.md beside them.
"""

import hashlib
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_lab.data.errors import DatasetError
from vit_lab.data.pixels import Pixels
from vit_lab.datasets import DATASETS

SIDE = 28  # pixels of an image, each way


@dataclass(frozen=True)
class Bundle:
    """One file of pictures, what people call them, and the tool that builds it."""

    path: Path
    sha256: str
    pictures: str
    tool: str


BUNDLES = {
    "mnist-10k": Bundle(
        Path(__file__).with_name("mnist_10k.npz"),
        "523a0999398867810f7eb336e9e8f5698b39f53e7f846499666e03c9b553fbd2",
        pictures="digits",
        tool="tools/build_mnist_10k.py",
    ),
    "fashion-10k": Bundle(
        Path(__file__).with_name("fashion_10k.npz"),
        "8ad8aa62b9a44619a4d98fbb7b8cbfc3d3d1264b1d240688c05d07ac531c6e17",
        pictures="clothes",
        tool="tools/build_fashion_10k.py",
    ),
}


def load_bundled(name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (10000, 28, 28), grey levels 0 to 255, and labels (10000,), 0 to 9, both uint8 and yours to change.

    Raises DatasetError if the file is missing or is not, byte for byte, the one that was built.
    """
    with np.load(io.BytesIO(_content(name)), allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def load_first(name: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first of them alone, which takes a tenth of the time: a page that shows one waits for it."""
    with zipfile.ZipFile(io.BytesIO(_content(name))) as archive:
        return _first(archive, "images.npy", count), _first(archive, "labels.npy", count)


def _first(archive: zipfile.ZipFile, member: str, count: int) -> NDArray[np.uint8]:
    with archive.open(member) as stream:
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        content = bytearray(stream.read(count * math.prod(shape[1:]) * dtype.itemsize))
    return np.frombuffer(content, dtype).reshape(count, *shape[1:])


def _content(name: str) -> bytes:
    bundle = BUNDLES[name]
    file, mend = f"The bundled {bundle.pictures} {bundle.path}", f"reinstall or run python {bundle.tool}"
    try:
        content = bundle.path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{file} are missing: {mend}.") from error
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}): {mend}.") from error
    if hashlib.sha256(content).hexdigest() != bundle.sha256:
        raise DatasetError(f"{file} are truncated or garbled: {mend}.")
    return content


def load_bundled_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Those of MNIST; see `load_bundled`."""
    return load_bundled("mnist-10k")


def load(name: str) -> Pixels:
    """A bundled set, the last of its images for the test. Raises DatasetError."""
    images, labels = load_bundled(name)
    cut = len(images) - DATASETS[name].sizes.test
    return Pixels(images[:cut], labels[:cut], images[cut:], labels[cut:])
