"""What a run looks at, whatever it learns: inputs with their labels, in batches for training and whole for evaluation.

Inputs are images (n, C, S, S), clips (n, T, C, S, S) or pairs of sequences (n, 2, L); labels are (n,), or (n, L) where
each place of a sequence has one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vit_lab.randomness import generator_for


@dataclass(frozen=True)
class Split:
    """Inputs and their labels, looked at whole."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class Batches(Protocol):
    """What a run trains on."""

    def __len__(self) -> int: ...

    def batches(self, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass that follows from (seed, epoch), without its first `skip` batches."""


@dataclass(frozen=True)
class TrainingSet:
    """The training images of a run: rows `index` (n,) of `pool` (shared with other runs), and their labels (n, ...)."""

    pool: Tensor
    index: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in an order that follows from (seed, epoch), without its first `skip` batches."""
        for rows in shuffled(len(self), batch_size, seed, epoch, self.labels.device)[skip:]:
            yield self.pool[self.index[rows]], self.labels[rows]


@dataclass(frozen=True)
class RunData:
    """Everything a run looks at. The test split is looked at once, at the end; the validation split may be empty."""

    train: Batches
    validation: Split
    test: Split

    def probed(self, count: int) -> Split:
        """What probes look at: the first validation inputs or, where none are held out, a fixed batch for training."""
        if len(self.validation):
            return Split(self.validation.inputs[:count], self.validation.labels[:count])
        return Split(*next(self.train.batches(count, seed=0, epoch=0)))


def shuffled(count: int, batch_size: int, seed: int, epoch: int, device: torch.device) -> tuple[Tensor, ...]:
    """Rows 0 to count - 1 in an order that follows from (seed, epoch), cut into batches; the last may be smaller."""
    return torch.randperm(count, generator=generator_for(seed, "batches", epoch)).to(device).split(batch_size)
