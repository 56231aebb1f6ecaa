"""How alike positions are. Without torch, for a page draws what little this takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cosine_similarities(positions: NDArray[Any]) -> NDArray[Any]:
    """Cosine between every two rows, as in Dosovitskiy et al. 2021, Fig. 7 (centre): (N, D) -> (N, N).

    That of a row of zeros counts as 0.
    """
    unit = positions / np.linalg.norm(positions, axis=-1, keepdims=True).clip(min=1e-12)
    found: NDArray[Any] = unit @ unit.T
    return found
