"""What lessons show of a model, as plain data without torch: the server that draws it need not load that.

N tokens, D dim, H heads, K = D / H features a head, P patch size, C channels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """The steps of attention in one block on one image (see `vit_lab.probes.steps`), without the batch."""

    q: Array  # (H, N, K)
    k: Array  # (H, N, K)
    v: Array  # (H, N, K)
    products: Array  # (H, N, N)
    scores: Array  # (H, N, N)
    weights: Array  # (H, N, N)
    unscaled: Array  # (H, N, N), the weights without the division by sqrt(K)
    masked: Array  # (H, N, N), the weights under the causal mask
    mask: NDArray[np.bool_]  # (N, N)
    heads: Array  # (H, N, K)
    joined: Array  # (N, D)
    out: Array  # (N, D)
    entropy: Array  # (H,), of the weights, 1 for even ones
    unscaled_entropy: Array  # (H,)


@dataclass(frozen=True)
class Stages:
    """An image on its way into a ViT: N patches of P*P*C levels, then N tokens of D numbers."""

    rows: Array  # (N, P*P*C), 0 to 1
    embedded: Array  # (N, D)
    tokens: Array  # (N, D), or one more with a class token
    shapes: tuple[tuple[int, ...], ...]  # of image, rows and tokens, as the model had them


class Drawn(NamedTuple):
    """One layer's weights as an init draws them."""

    counts: NDArray[np.int64]  # of the weights in each bar of a histogram
    variance: float
    output_variance: float  # of what leaves the layer, measured
    first: Array  # some weights, in the order of their draws


class Written(NamedTuple):
    """What a Transformer writes for a sequence, and where it looks; see `vit_lab.probes.decoding.Decoded`."""

    written: list[int]
    probabilities: Array
    encoder: Array
    decoder: Array
    cross: Array


class Reads(NamedTuple):
    """A clip and what one of its patches reads in a block; see `vit_lab.probes.space_time.Reads`."""

    clip: Array  # (T, S, S)
    space: Array  # (T, N)
    time: Array | None  # (T, N)


class BothWays(NamedTuple):
    """A clip, and how likely a model finds each direction, played forwards and backwards."""

    clip: Array  # (T, S, S)
    label: int
    forwards: list[float]
    backwards: list[float]
