"""The models that lessons look into: built at their init or read back, kept between questions, and only ever read."""

from typing import Any, TypeVar

import torch

from vit_lab.config import RunConfig
from vit_lab.training.glances import model_of
from vit_lab.training.looks import Weights

M = TypeVar("M", bound=Any)


def of_kind(kind: type[M], config: RunConfig, weights: Weights) -> M:
    """The model of a config that is known to be of that kind; weights of step 0 are drawn. Raises CheckpointError."""
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    model = model_of(config, weights)
    assert isinstance(model, kind)
    return model


def check(config: RunConfig, weights: Weights) -> None:
    """Raise CheckpointError if the weights cannot be read back."""
    model_of(config, weights)
