"""Whole sets of images as tensors in memory: loaded once per process, scaled once, shared by all its runs.

n images, C channels, S image size.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vit_lab.config import DataConfig
from vit_lab.data.pixels import load_pixels
from vit_lab.datasets import DATASETS, Dataset
from vit_lab.paths import data_folder


@dataclass(frozen=True)
class ImageDataset:
    """Images (n, C, S, S) float32, as `scaled` makes them, and labels (n,) int64. Shared: nobody writes into it.

    The validation images of a run are taken out of the training images; the test images are fixed.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    about: Dataset


_loaded: dict[tuple[str, bool, Path | None], ImageDataset] = {}
_loading = threading.Lock()


def load_dataset(name: str, normalise: bool) -> ImageDataset:
    """A set of images, from memory if this process has it already. Raises DatasetError if it is absent or damaged."""
    key = (name, normalise, data_folder() if DATASETS[name].download else None)
    with _loading:
        if key not in _loaded:
            about, pixels = DATASETS[name], load_pixels(name)
            _loaded[key] = ImageDataset(
                scaled(pixels.train_images, about, normalise),
                torch.as_tensor(pixels.train_labels).long(),
                scaled(pixels.test_images, about, normalise),
                torch.as_tensor(pixels.test_labels).long(),
                about,
            )
        return _loaded[key]


def keep(name: str) -> None:
    """Have this process, and all that are forked from it, hold a set ready; if that fails, they are told."""
    torch.set_num_threads(1)  # a fork would lose any other thread, and then wait for it
    with suppress(Exception):  # no memory, say
        load_dataset(name, normalise=True)


def scaled(images: NDArray[np.uint8], about: Dataset, normalise: bool) -> Tensor:
    """Grey levels as a model of that data set reads them: (n, S, S) or (n, S, S, C) uint8 -> (n, C, S, S) float32.

    Each channel has mean 0 and std 1 over the training images if it is normalised, or else black is 0 and white is 1.
    """
    levels = torch.as_tensor(images)
    levels = levels.unsqueeze(1) if levels.ndim == 3 else levels.permute(0, 3, 1, 2)
    pixels = levels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    for channel, mean, std in zip(pixels.unbind(1), *about.scale(normalise), strict=True):
        channel.sub_(mean).div_(std)
    return pixels


def from_levels(content: bytes, about: Dataset, normalise: bool) -> Tensor:
    """One image, its levels from 0 to 255 row by row, as a model of that data set reads it: (1, C, S, S)."""
    assert about.shape is not None
    channels, height, width = about.shape
    return scaled(np.frombuffer(bytearray(content), np.uint8).reshape(1, height, width, channels), about, normalise)


def black(data: DataConfig) -> Tensor:
    """What a black pixel becomes in a run's images, by channel: (C, 1, 1)."""
    about = DATASETS[data.dataset]
    return scaled(np.zeros((1, 1, 1, len(about.mean)), np.uint8), about, data.normalise)[0]
