"""What one run learns from: train, validation and test data, with the knobs that make a task smaller or harder.

All draws follow from the run's seed, so the two runs of a pair see the same subset, noise and batch order.
"""

import torch
from torch import Tensor

from vit_lab.config import DataConfig, RunConfig
from vit_lab.data.images import ImageDataset, black, load_dataset
from vit_lab.data.run_data import RunData, Split, TrainingSet
from vit_lab.datasets import DATASETS
from vit_lab.randomness import generator_for


def load_run_data(config: RunConfig) -> RunData:
    """The data of a run. Raises DatasetError if it cannot be read."""
    dataset = DATASETS[config.data.dataset]
    if dataset.examples == "images":
        return split(load_dataset(config.data.dataset, config.data.normalise), config)
    made: RunData = dataset.loader()(config)
    return made


def split(dataset: ImageDataset, config: RunConfig) -> RunData:
    """Draw validation and training images, then label and pixel noise. A smaller train_size is part of a larger."""
    seed, data = config.seed, config.data
    drawn = torch.randperm(len(dataset.train_labels), generator=generator_for(seed, "split"))
    wanted = dataset.about.sizes.validation if data.validation_size is None else data.validation_size
    held_out, rest = drawn.tensor_split([wanted])
    index = rest[: data.train_size]
    labels = _with_label_noise(dataset.train_labels[index], data.label_noise, seed, config.model.num_classes)
    validation, test, pool = dataset.train_images[held_out], dataset.test_images, dataset.train_images
    if data.pixel_noise:
        pool, index = _with_pixel_noise(pool[index], dataset, data, seed, "train"), torch.arange(len(index))
        validation = _with_pixel_noise(validation, dataset, data, seed, "val")
        test = _with_pixel_noise(test, dataset, data, seed, "test")
    return RunData(
        TrainingSet(pool, index, labels),
        Split(validation, dataset.train_labels[held_out]),
        Split(test, dataset.test_labels),
    )


def shifted(images: Tensor, data: DataConfig, generator: torch.Generator) -> Tensor:
    """Every image moved by up to `data.shift` pixels each way; what comes in is black. (B, C, S, S)."""
    most, (batch, _, size, _) = data.shift, images.shape
    padded = black(data).to(images.device).repeat(batch, 1, size + 2 * most, size + 2 * most)
    padded[..., most : most + size, most : most + size] = images
    down, right = torch.randint(0, 2 * most + 1, (2, batch, 1), generator=generator).to(images.device)
    image, line = torch.arange(batch, device=images.device), torch.arange(size, device=images.device)
    rows, columns = (down + line)[:, :, None], (right + line)[:, None, :]
    return padded[image[:, None, None], :, rows, columns].permute(0, 3, 1, 2)


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image mirrored left to right with a chance of one half. (B, C, S, S)."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


def _with_label_noise(labels: Tensor, share: float, seed: int, classes: int) -> Tensor:
    if share == 0:
        return labels
    generator = generator_for(seed, "label-noise")
    chosen = torch.rand(len(labels), generator=generator) < share
    return torch.where(chosen, torch.randint(0, classes, labels.shape, generator=generator), labels)


def _with_pixel_noise(images: Tensor, dataset: ImageDataset, data: DataConfig, seed: int, which: str) -> Tensor:
    """The images with noise of std `data.pixel_noise` where white lies 1 above black, also in a normalised channel."""
    _, divisors = dataset.about.scale(data.normalise)
    std = torch.tensor([data.pixel_noise * (1 / divisor) for divisor in divisors])[:, None, None]
    return images + std * torch.randn(images.shape, generator=generator_for(seed, "pixel-noise", which))
