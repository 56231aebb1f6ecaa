"""A data set that nobody has: bars of three colours, larger than a digit. One entry and one loader, as any new set."""

import numpy as np

from vit_lab.data.pixels import Pixels
from vit_lab.datasets import DATASETS, Dataset, Sizes

SIZE, TRAIN, TEST = 32, 400, 90


def load(name: str) -> Pixels:
    """A bright bar somewhere in each image, in the colour that the label says, on a dim ground."""
    rng, classes = np.random.default_rng(0), len(DATASETS[name].classes)
    labels = rng.integers(0, classes, TRAIN + TEST)
    images = rng.integers(0, 60, (TRAIN + TEST, SIZE, SIZE, 3), np.uint8)
    for image, label, place in zip(images, labels, rng.integers(0, SIZE - 8, len(labels)), strict=True):
        image[:, place : place + 8, label] += np.uint8(150)
    return Pixels(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])


STRIPES = Dataset(
    examples="images",
    words="bars of three colours",
    load="stripes:load",
    sizes=Sizes(TRAIN - 100, 100, TEST),
    source="made for a test",
    licence="none needed",
    shape=(3, SIZE, SIZE),
    classes=("red", "green", "blue"),
    mean=(0.160, 0.163, 0.171),
    std=(0.170, 0.173, 0.185),
)
