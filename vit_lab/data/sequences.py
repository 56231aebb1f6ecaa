"""Sequences to write again: the copy task of The Annotated Transformer, and its sibling, writing them backwards.

B sequences, L symbols. Symbol 0 starts every sequence; the others are drawn evenly. An input (2, L) holds the source
and, shifted right by the start symbol, what is to be written; the labels (L,) are what is to be written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData, Split, TrainingSet
from vit_lab.datasets import DATASETS
from vit_lab.model_config import TransformerConfig
from vit_lab.randomness import generator_for

START = 0


@dataclass(frozen=True)
class Task:
    """Which sequences there are, and what is to be written for each."""

    dataset: str
    vocabulary: int
    sequence_length: int

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs (count, 2, L) and labels (count, L), both int64."""
        return self.posed(torch.randint(1, self.vocabulary, (count, self.sequence_length), generator=generator))

    def posed(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """The same for sources (count, L) that there are already."""
        labels = source if self.dataset == "copy" else source.flip(1)
        written = torch.cat([torch.full((len(source), 1), START), labels[:, :-1]], dim=1)
        return torch.stack([source, written], dim=1), labels


@dataclass(frozen=True)
class FreshSequences:
    """Sequences that are drawn for their batch and never seen again; `count` of them are called an epoch."""

    task: Task
    count: int

    def __len__(self) -> int:
        return self.count

    def batches(self, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, each from a draw of its own, without the first `skip`."""
        for start in range(skip * batch_size, self.count, batch_size):
            generator = generator_for(seed, "sequences", epoch, start)
            yield self.task.draw(min(batch_size, self.count - start), generator)


def load(config: RunConfig) -> RunData:
    """The data of a run: validation and test are the same for every seed.

    Without a train_size, no training batch recurs. Only a very short sequence of few symbols
    may be drawn twice.
    """
    model, sizes = config.model, DATASETS[config.data.dataset].sizes
    assert isinstance(model, TransformerConfig)  # the config sees to it
    task = Task(config.data.dataset, model.vocabulary, model.sequence_length)
    held_out = [Split(*task.draw(n, generator_for(0, "sequences", n))) for n in (sizes.validation, sizes.test)]
    if config.data.train_size is None:
        return RunData(FreshSequences(task, sizes.train), *held_out)
    inputs, labels = task.draw(config.data.train_size, generator_for(config.seed, "sequences", "train"))
    return RunData(TrainingSet(inputs, torch.arange(len(inputs)), labels), *held_out)
