"""How positions resemble one another. N positions, D dim."""

import torch
from torch import Tensor


def cosine_similarities(positions: Tensor) -> Tensor:
    """Cosine between every two rows, as in Dosovitskiy et al. 2021, Fig. 7 (centre): (N, D) -> (N, N).

    That of a row of zeros counts as 0.
    """
    unit = torch.nn.functional.normalize(positions, dim=-1)
    return unit @ unit.T
