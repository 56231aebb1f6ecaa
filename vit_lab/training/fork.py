"""A fork: a training that goes on from a step of another, its parent, with other settings or other weights.

Until that step it is the parent, trained again from its settings, with all that it says; so it needs neither the
parent's record nor its checkpoints, and what holds for stopping, resuming and replaying a training holds for it, too.
From then on it is a training of its own, which begins with the parent's weights and what its optimiser keeps.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import torch

from vit_lab.config import ForkConfig
from vit_lab.data.run_data import RunData
from vit_lab.events import Event, Started, Stepped
from vit_lab.init.build import Model
from vit_lab.training.checkpoint import Checkpoint


class Trains(Protocol):
    """A training under way, as `vit_lab.training.trainer.Training` is one, or a fork."""

    @property
    def step(self) -> int:
        """Updates done so far."""

    @property
    def model(self) -> Model:
        """The model as it is."""

    @property
    def data(self) -> RunData:
        """What it learns from."""

    def __next__(self) -> Event: ...

    def checkpoint(self) -> Checkpoint:
        """The exact state after the step of the latest event, as copies."""

    def weights(self) -> Checkpoint:
        """The model after the step of the latest event, as copies."""

    def advance(self) -> None:
        """Train one step and say nothing."""


class Fork(Iterator[Event]):
    """A training that follows `parent` to a step, and from there the one that `own` makes of its state.

    Args:
        total_steps: of the whole run, which it says at its start.
    """

    def __init__(self, parent: Trains, step: int, own: Callable[[Checkpoint], Trains], total_steps: int):
        self._now = parent
        self._step, self._own, self._total_steps = step, own, total_steps
        self._is_own = False
        self._go_on_if_there()

    @property
    def step(self) -> int:
        """Updates done so far, the parent's among them."""
        return self._now.step

    @property
    def model(self) -> Model:
        """The model as it is."""
        return self._now.model

    @property
    def data(self) -> RunData:
        """What it learns from now."""
        return self._now.data

    def __next__(self) -> Event:
        event = next(self._now)
        if isinstance(event, Started):
            return replace(event, total_steps=self._total_steps)
        if isinstance(event, Stepped):
            self._go_on_if_there()
        return event

    def checkpoint(self) -> Checkpoint:
        """The exact state after the step of the latest event, as copies: the parent's, up to the step of the fork."""
        return self._now.checkpoint()

    def weights(self) -> Checkpoint:
        """The model after the step of the latest event, as copies."""
        return self._now.weights()

    def advance(self) -> None:
        """Train one step and say nothing."""
        self._now.advance()
        self._go_on_if_there()

    def _go_on_if_there(self) -> None:
        if not self._is_own and self.step == self._step:
            self._now, self._is_own = self._own(self._now.checkpoint()), True


@torch.no_grad()
def scale(model: Model, fork: ForkConfig) -> None:
    """Multiply the weights of groups as a fork says. Biases and norms stay, and so does what an optimiser keeps."""
    for matrix in model.matrices():
        matrix.weight.mul_(fork.factors.get(matrix.group, 1.0))
