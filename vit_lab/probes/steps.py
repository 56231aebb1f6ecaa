"""Attention taken apart: every intermediate result of one forward pass (Vaswani et al. 2017, Sec. 3.2.1 and 3.2.2).

B batch, N tokens, D dim, H heads, K = D / H features a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.attention import Attention, attention_weights
from vit_lab.probes.heads import Heads


@dataclass(frozen=True)
class AttentionSteps:
    """What `Attention.forward` computes on its way, in order; `out` equals its result."""

    q: Tensor  # (B, H, N, K)
    k: Tensor  # (B, H, N, K)
    v: Tensor  # (B, H, N, K)
    products: Tensor  # (B, H, N, N), q.k of every query and key
    scores: Tensor  # (B, H, N, N), the products over sqrt(K)
    weights: Tensor  # (B, H, N, N), each row sums to 1
    heads: Tensor  # (B, H, N, K), the mean of the values under these weights
    joined: Tensor  # (B, N, D), the heads side by side
    out: Tensor  # (B, N, D)


@torch.no_grad()
def attention_steps(attention: Attention, heads: Heads, variance: float = 1.0) -> AttentionSteps:
    """The steps of a pass in which an attention had these heads.

    `variance` shows what would be if the variance of queries' and keys' weights (and biases) were that many times as
    large.
    """
    h = Heads(heads.q * variance**0.5, heads.k * variance**0.5, heads.v, heads.mask)
    joined = h.joined
    return AttentionSteps(
        h.q, h.k, h.v, h.products, h.scores, h.weights, h.results, joined=joined, out=attention.out(joined)
    )


def unscaled_weights(steps: AttentionSteps) -> Tensor:
    """softmax(q k^T), as attention would be without the division by sqrt(K). -> (B, H, N, N)."""
    return attention_weights(steps.q * steps.q.shape[-1] ** 0.5, steps.k)
