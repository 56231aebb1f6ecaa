"""Multi-head self-attention (Vaswani et al. 2017, Sec. 3.2).

B batch, N tokens, D dim, H heads, K = D / H features a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def dropout(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share p of x and scale up the rest; the mask comes from `generator`, and None means none is drawn.

    torch's own dropout draws from the global generator, which all threads of a process share.
    """
    if generator is None or p == 0:
        return x
    return x * torch.empty_like(x).bernoulli_(1 - p, generator=generator).div_(1 - p)


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(K)), Eq. 1: how much each token reads of each other. (B, H, N, K) twice -> (B, H, N, N)."""
    return torch.softmax(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5, dim=-1)


class Attention(nn.Module):
    """Every token reads a weighted mean of all tokens, once per head. q, k and v share one matrix product."""

    def __init__(self, *, dim: int, heads: int, qkv_bias: bool, out_bias: bool, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.out = nn.Linear(dim, dim, bias=out_bias)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every head: (B, N, D) -> three times (B, H, N, K)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:  # (B, N, D)
        q, k, v = self.project(x)
        if generator is None or self.dropout == 0:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = dropout(attention_weights(q, k), self.dropout, generator) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, H, N, K) -> (B, N, D)
