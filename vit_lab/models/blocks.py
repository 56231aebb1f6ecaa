"""The encoder block that every model of the lab is built from.

B batch, N tokens, D dim.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.models.attention import Attention, dropout


class FeedForward(nn.Module):
    """Two layers with a GELU between, applied to each token alone (Dosovitskiy et al. 2021, Sec. 3.1)."""

    def __init__(self, *, dim: int, hidden: int):
        super().__init__()
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:  # (B, N, D)
        return self.down(F.gelu(self.up(x)))


class EncoderBlock(nn.Module):
    """Pre-norm residual block (Dosovitskiy et al. 2021, Eq. 2 and 3): attention mixes tokens, the MLP mixes features."""

    def __init__(self, *, dim: int, hidden: int, attention: Attention, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.norm_attention, self.attention = nn.LayerNorm(dim), attention
        self.norm_mlp, self.mlp = nn.LayerNorm(dim), FeedForward(dim=dim, hidden=hidden)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:  # (B, N, D)
        x = x + dropout(self.attention(self.norm_attention(x), generator), self.dropout, generator)
        return x + dropout(self.mlp(self.norm_mlp(x)), self.dropout, generator)
