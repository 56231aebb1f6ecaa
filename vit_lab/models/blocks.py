"""The encoder block that every model of the lab is built from, and what all blocks have in common.

B batch, N tokens, D dim.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.model_config import Norm
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


@dataclass(frozen=True)
class Residual:
    """How a branch f is added to the tokens x, LN a LayerNorm and a the factor.

    | norm | | |
    | --- | --- | --- |
    | pre | a x + f(LN(x)) | Dosovitskiy et al. 2021, Eq. 2, 3 |
    | post | LN(a x + f(x)) | Vaswani et al. 2017, Sec. 3.1; with a factor, Wang et al. 2022, Eq. 1 |
    | none | a x + f(x) | Huang et al. 2020 |
    """

    norm: Norm
    factor: float

    def layer_norm(self, dim: int) -> nn.Module:
        """The norm of a branch; without norms, what leaves all as it is."""
        return nn.Identity() if self.norm == "none" else nn.LayerNorm(dim)

    def __call__(
        self,
        x: Tensor,
        norm: nn.Module,
        branch: Callable[[Tensor], Tensor],
        arranged: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> Tensor:
        """The sum; `arranged` lays the tokens as the branch wants them, which gives them back as they were."""
        kept = x if self.factor == 1 else self.factor * x
        if self.norm == "post":
            return cast(Tensor, norm(kept + branch(arranged(x))))
        return kept + branch(norm(arranged(x)))


PRE_NORM = Residual("pre", 1.0)


class Block(nn.Module):
    """A block of any model: it knows its place, and its matrices in the order in which data meets them."""

    def __init__(self, place: Place, residual: Residual):
        super().__init__()
        self.place, self.residual = place, residual

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
    """Residual block (Dosovitskiy et al. 2021, Eq. 2, 3): attention mixes tokens, the MLP mixes features."""

    def __init__(
        self,
        *,
        dim: int,
        hidden: int,
        attention: Attention,
        dropout: float,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        place: Place = NOWHERE,
        residual: Residual = PRE_NORM,
    ):
        super().__init__(place, residual)
        self.dropout = dropout
        self.norm_attention, self.attention = residual.layer_norm(dim), attention
        self.norm_mlp = residual.layer_norm(dim)
        self.mlp = FeedForward(dim=dim, hidden=hidden, activation=activation, place=place.within("mlp"))

    def matrices(self) -> Iterator[Matrix]:
        """Those of attention, then those of the MLP."""
        yield from self.attention.matrices()
        yield from self.mlp.matrices()

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B, N, D)
        def attend(x: Tensor) -> Tensor:
            return dropout(self.attention(x, generator, record), self.dropout, generator)

        x = self.residual(x, self.norm_attention, attend)
        x = self.residual(x, self.norm_mlp, lambda x: dropout(self.mlp(x), self.dropout, generator))
        if record is not None:
            record(self.place.leaving, tokens=x)
        return x
