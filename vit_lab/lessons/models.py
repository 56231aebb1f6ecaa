"""The models that lessons look into, built at their init or read back, and kept between questions; only ever read."""

from functools import lru_cache
from typing import Any, TypeVar

import torch

from vit_lab.config import RunConfig
from vit_lab.init.build import Model
from vit_lab.training.inside import model_at
from vit_lab.training.looks import Weights

MOST = 24  # models in memory; a lesson offers no large ones
M = TypeVar("M", bound=Any)


@lru_cache(MOST)
def model_of(config: RunConfig, weights: Weights) -> Model:
    """The model of a config with these weights; those of step 0 are drawn. Raises CheckpointError."""
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    return model_at(config, weights).requires_grad_(False)


def of_kind(kind: type[M], config: RunConfig, weights: Weights) -> M:
    """The same of a config that is known to be of that kind."""
    model = model_of(config, weights)
    assert isinstance(model, kind)
    return model


def check(config: RunConfig, weights: Weights) -> None:
    """Raise CheckpointError if the weights cannot be read back."""
    model_of(config, weights)
