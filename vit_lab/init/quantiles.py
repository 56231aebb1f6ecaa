"""The draw behind every parameter, and the inverse CDFs that turn it into weights.

Two arms of a pair hold monotone maps of the same draw, for it follows from the seed and the parameter's name alone.
"""

import math

import torch
from torch import Tensor

from vit_lab.init.distributions import CDF_AT_2, Distribution
from vit_lab.randomness import generator_for


def uniforms(shape: torch.Size, seed: int, name: str) -> Tensor:
    """The draw behind a parameter: float64 in the open interval (0, 1), the same whatever the scheme."""
    u = torch.rand(shape, dtype=torch.float64, generator=generator_for(seed, "init", name))
    return u.clamp_(min=2.0**-54)


def quantile(u: Tensor, distribution: Distribution) -> Tensor:
    """Inverse CDF, for a sigma (before truncation) of 1: the value below which a share u of the distribution lies."""
    if distribution == "uniform":
        return (2 * u - 1) * math.sqrt(3)
    if distribution == "truncated":
        u = (1 - CDF_AT_2) + u * (2 * CDF_AT_2 - 1)
    return torch.special.ndtri(u)
