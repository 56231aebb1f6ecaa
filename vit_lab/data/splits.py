"""What one run learns from: train, validation and test data, with the knobs that make a task smaller or harder.

All draws follow from the run's seed, so the two runs of a pair see the same subset, noise and batch order.
"""

import torch
from torch import Tensor

from vit_lab.config import TRAIN_IMAGES, RunConfig, TimesformerConfig, TransformerConfig
from vit_lab.data.clips import clips
from vit_lab.data.images import ImageDataset, load_dataset
from vit_lab.data.run_data import RunData, Split, TrainingSet
from vit_lab.data.sequences import sequences
from vit_lab.randomness import generator_for


def load_run_data(config: RunConfig) -> RunData:
    """The data of a run. Raises DatasetError if it cannot be read."""
    name, model = config.data.dataset, config.model
    if name == "copy" or name == "reverse":
        assert isinstance(model, TransformerConfig)  # the config sees to it
        return sequences(name, model, config, TRAIN_IMAGES[name])
    if name == "moving-direction" or name == "moving-digits":
        assert isinstance(model, TimesformerConfig)
        digits = split(load_dataset("mnist-10k", config.data.normalise), config)
        return clips(name, digits, model.num_frames, config.seed)
    return split(load_dataset(name, config.data.normalise), config)


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
    batch, channels, size, _ = images.shape
    padded = images.min().expand(batch, channels, size + 2 * most, size + 2 * most).clone()
    padded[:, :, most : most + size, most : most + size] = images
    down, right = torch.randint(0, 2 * most + 1, (2, batch, 1), generator=generator).to(images.device)
    image, line = torch.arange(batch, device=images.device), torch.arange(size, device=images.device)
    rows, columns = (down + line)[:, :, None], (right + line)[:, None, :]
    return padded[image[:, None, None], :, rows, columns].permute(0, 3, 1, 2)


def _with_label_noise(labels: Tensor, share: float, seed: int, classes: int) -> Tensor:
    if share == 0:
        return labels
    generator = generator_for(seed, "label-noise")
    chosen = torch.rand(len(labels), generator=generator) < share
    return torch.where(chosen, torch.randint(0, classes, labels.shape, generator=generator), labels)


def _with_pixel_noise(images: Tensor, std: float, seed: int, which: str) -> Tensor:
    return images + std * torch.randn(images.shape, generator=generator_for(seed, "pixel-noise", which))
