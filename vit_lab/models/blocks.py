"""The encoder block that every model of the lab is built from, and what all blocks have in common.

B batch, N tokens, D dim.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.models.attention import Attention, dropout
from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder
from vit_lab.places import NOWHERE, Place


class FeedForward(nn.Module):
    """Two layers applied to each token alone, a GELU between them (Dosovitskiy et al. 2021, Sec. 3.1) or another."""

    def __init__(
        self, *, dim: int, hidden: int, activation: Callable[[Tensor], Tensor] = F.gelu, place: Place = NOWHERE
    ):
        super().__init__()
        self.activation, self.place = activation, place
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:  # (B, N, D)
        return self.down(self.activation(self.up(x)))

    def matrices(self) -> Iterator[Matrix]:
        """The two layers."""
        up, down = self.place.matrix("mlp", "up"), self.place.matrix("mlp", "down")
        yield Matrix(place=up, parameter=self.up.weight, bias_parameter=self.up.bias)
        yield Matrix(place=down, parameter=self.down.weight, bias_parameter=self.down.bias)


class Block(nn.Module):
    """A block of any model: it knows its place, and its matrices in the order in which data meets them."""

    def __init__(self, place: Place):
        super().__init__()
        self.place = place

    def matrices(self) -> Iterator[Matrix]:
        """Every weight matrix of the block."""
        raise NotImplementedError


def matrices_of(blocks: nn.ModuleList) -> Iterator[Matrix]:
    """Every weight matrix of some blocks, block by block."""
    for block in blocks:
        assert isinstance(block, Block)
        yield from block.matrices()


def matrices_between(embed: nn.Linear, blocks: nn.ModuleList, head: nn.Linear) -> Iterator[Matrix]:
    """Every weight matrix of a model of images or clips, in the order in which data meets them."""
    first, last = Place().matrix("embed", "embed"), Place().matrix("head", "head")
    yield Matrix(place=first, parameter=embed.weight, bias_parameter=embed.bias)
    yield from matrices_of(blocks)
    yield Matrix(place=last, parameter=head.weight, bias_parameter=head.bias)


class EncoderBlock(Block):
    """Pre-norm residual block (Dosovitskiy et al. 2021, Eq. 2, 3): attention mixes tokens, the MLP mixes features."""

    def __init__(
        self,
        *,
        dim: int,
        hidden: int,
        attention: Attention,
        dropout: float,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        place: Place = NOWHERE,
    ):
        super().__init__(place)
        self.dropout = dropout
        self.norm_attention, self.attention = nn.LayerNorm(dim), attention
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = FeedForward(dim=dim, hidden=hidden, activation=activation, place=place.within("mlp"))

    def matrices(self) -> Iterator[Matrix]:
        """Those of attention, then those of the MLP."""
        yield from self.attention.matrices()
        yield from self.mlp.matrices()

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B, N, D)
        x = x + dropout(self.attention(self.norm_attention(x), generator, record), self.dropout, generator)
        x = x + dropout(self.mlp(self.norm_mlp(x)), self.dropout, generator)
        if record is not None:
            record(self.place.leaving, tokens=x)
        return x
