"""A set of images as it was published, grey levels and labels, read by the loader that its entry names. No torch."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vit_lab.data.errors import DatasetError, reason
from vit_lab.datasets import DATASETS, is_available
from vit_lab.paths import data_folder

OTHERWISE = "or choose mnist-10k, which is bundled"


class Pixels(NamedTuple):
    """What a loader of images returns.

    Images are uint8, 0 to 255: (n, S, S) in grey, (n, S, S, C) in colour, channels last as in a picture file. Labels
    are integers (n,) that count the set's classes from 0. The validation images are among those for training.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[Any]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[Any]


_brought: dict[str, Pixels] = {}


def bring(name: str, pixels: Pixels) -> None:
    """Have this process use these pixels of a set that its machine need not have."""
    _brought[name] = pixels


def load_pixels(name: str) -> Pixels:
    """The pixels of a set of images. Raises DatasetError if they are absent, damaged or not what the entry says."""
    if name in _brought:
        return _brought[name]
    dataset = DATASETS[name]
    if dataset.download and not is_available(name):
        place = (data_folder() / dataset.download.files[0]).parent
        raise DatasetError(
            f"{name} is not on this machine ({place} lacks it); download it, point VIT_LAB_DATA to a folder that has "
            f"it, {OTHERWISE}"
        )
    try:
        pixels: Pixels = dataset.loader()(name)
    except DatasetError:
        raise
    except Exception as error:  # a reader of somebody else's format raises anything on a bad file
        raise _damaged(name, reason(error)) from error
    sizes = dataset.sizes
    for images, labels, count in ((*pixels[:2], sizes.train + sizes.validation), (*pixels[2:], sizes.test)):
        if not _fit(name, images, labels):
            raise _damaged(name, "images and labels do not fit")
        if len(labels) != count:
            raise _damaged(name, f"it has {len(labels):,} images where there should be {count:,}")
    return pixels


def _fit(name: str, images: NDArray[np.uint8], labels: NDArray[Any]) -> bool:
    dataset = DATASETS[name]
    assert dataset.shape is not None
    channels, height, width = dataset.shape
    size = (height, width) if channels == 1 else (height, width, channels)
    if images.dtype != np.uint8 or images.shape[1:] != size or labels.shape != (len(images),) or not len(labels):
        return False
    return bool(labels.min() >= 0 and labels.max() < len(dataset.classes))


def _damaged(name: str, why: str) -> DatasetError:
    download = DATASETS[name].download
    if download is None:
        return DatasetError(f"{name} is damaged ({why}); reinstall ViT Lab, {OTHERWISE}")
    return DatasetError(
        f"the files of {name} in {data_folder() / download.folder} are damaged ({why}); "
        f"delete that folder and download again, {OTHERWISE}"
    )
