"""What one run learns from: train, validation and test images, with the knobs that make a task smaller or harder.

All draws follow from the run's seed, so the two runs of a pair see the same subset, noise and batch order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.images import ImageDataset, load_dataset
from vit_lab.randomness import generator_for


@dataclass(frozen=True)
class Split:
    """Images (n, C, S, S) and labels (n,) that are evaluated whole."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingSet:
    """The training images of a run: rows `index` (n,) of `pool` (shared with other runs), and their labels (n,)."""

    pool: Tensor
    index: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in an order that follows from (seed, epoch), without its first `skip` batches."""
        order = torch.randperm(len(self), generator=generator_for(seed, "batches", epoch))
        for rows in order.split(batch_size)[skip:]:
            yield self.pool[self.index[rows]], self.labels[rows]


@dataclass(frozen=True)
class RunData:
    """Everything a run looks at. The test split is looked at once, at the end."""

    train: TrainingSet
    validation: Split
    test: Split


def load_run_data(config: RunConfig) -> RunData:
    """The data of a run. Raises DatasetError if it cannot be read."""
    return split(load_dataset(config.data.dataset, config.data.normalise), config)


def split(dataset: ImageDataset, config: RunConfig) -> RunData:
    """Draw validation and training images, then label and pixel noise. A smaller train_size is part of a larger."""
    seed, data = config.seed, config.data
    drawn = torch.randperm(len(dataset.train_labels), generator=generator_for(seed, "split"))
    held_out, rest = drawn.tensor_split([dataset.source.validation_images])
    index = rest[: data.train_size]
    labels = _with_label_noise(dataset.train_labels[index], data.label_noise, seed, config.model.num_classes)
    validation, test, pool = dataset.train_images[held_out], dataset.test_images, dataset.train_images
    if data.pixel_noise:
        std = data.pixel_noise * dataset.white
        pool, index = _with_pixel_noise(pool[index], std, seed, "train"), torch.arange(len(index))
        validation, test = _with_pixel_noise(validation, std, seed, "val"), _with_pixel_noise(test, std, seed, "test")
    return RunData(
        TrainingSet(pool, index, labels),
        Split(validation, dataset.train_labels[held_out]),
        Split(test, dataset.test_labels),
    )


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Every image moved by up to `most` pixels each way; what comes in is the image's darkest value. (B, C, S, S)."""
    batch, _, size, _ = images.shape
    padded = torch.nn.functional.pad(images, [most] * 4, value=float(images.min()))
    down, right = torch.randint(0, 2 * most + 1, (2, batch, 1), generator=generator)
    line = torch.arange(size)
    return padded[torch.arange(batch)[:, None, None], :, (down + line)[:, :, None], (right + line)[:, None, :]].permute(
        0, 3, 1, 2
    )


def _with_label_noise(labels: Tensor, share: float, seed: int, classes: int) -> Tensor:
    if share == 0:
        return labels
    generator = generator_for(seed, "label-noise")
    chosen = torch.rand(len(labels), generator=generator) < share
    return torch.where(chosen, torch.randint(0, classes, labels.shape, generator=generator), labels)


def _with_pixel_noise(images: Tensor, std: float, seed: int, which: str) -> Tensor:
    return images + std * torch.randn(images.shape, generator=generator_for(seed, "pixel-noise", which))
