"""The encoder block that every model of the lab is built from.

B batch, N tokens, D dim.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.models.attention import Attention, dropout


class FeedForward(nn.Module):
    """Two layers applied to each token alone, a GELU between them (Dosovitskiy et al. 2021, Sec. 3.1) or another."""

    def __init__(self, *, dim: int, hidden: int, activation: Callable[[Tensor], Tensor] = F.gelu):
        super().__init__()
        self.activation = activation
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:  # (B, N, D)
        return self.down(self.activation(self.up(x)))


class EncoderBlock(nn.Module):
    """Pre-norm residual block (Dosovitskiy et al. 2021, Eq. 2 and 3): attention mixes tokens, the MLP mixes features."""

    def __init__(
        self,
        *,
        dim: int,
        hidden: int,
        attention: Attention,
        dropout: float,
        activation: Callable[[Tensor], Tensor] = F.gelu,
    ):
        super().__init__()
        self.dropout = dropout
        self.norm_attention, self.attention = nn.LayerNorm(dim), attention
        self.norm_mlp, self.mlp = nn.LayerNorm(dim), FeedForward(dim=dim, hidden=hidden, activation=activation)

    def queries_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What decides where each token of x looks: (B, N, D) -> two times (B, H, N, K)."""
        q, k, _ = self.attention.project(self.norm_attention(x))
        return q, k

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:  # (B, N, D)
        x = x + dropout(self.attention(self.norm_attention(x), generator), self.dropout, generator)
        return x + dropout(self.mlp(self.norm_mlp(x)), self.dropout, generator)
