"""Attention taken apart: every intermediate result of one forward pass (Vaswani et al. 2017, Sec. 3.2.1 and 3.2.2).

B batch, N tokens, D dim, H heads, K = D / H features a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.attention import Attention, attention_weights


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
def attention_steps(
    attention: Attention, x: Tensor, mask: Tensor | None = None, variance: float = 1.0
) -> AttentionSteps:
    """The steps on tokens x (B, N, D). `mask` is True where a token may read, see `attention_weights`.

    `variance` shows what would be if the variance of queries' and keys' weights (and biases) were that many times as large.
    """
    q, k, v = attention.project(x)
    q, k = q * variance**0.5, k * variance**0.5
    products = q @ k.transpose(-2, -1)
    weights = attention_weights(q, k, mask)
    heads = weights @ v
    joined = heads.transpose(1, 2).flatten(2)
    return AttentionSteps(
        q, k, v, products, products * q.shape[-1] ** -0.5, weights, heads, joined, attention.out(joined)
    )


def unscaled_weights(steps: AttentionSteps) -> Tensor:
    """softmax(q k^T), as attention would be without the division by sqrt(K). -> (B, H, N, N)."""
    return attention_weights(steps.q * steps.q.shape[-1] ** 0.5, steps.k)
