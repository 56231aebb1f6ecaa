"""Encoder-decoder Transformer (Vaswani et al. 2017, Fig. 1), with a final norm on either side.

By default the norms stand where The Annotated Transformer (Rush et al. 2018) puts them: before each sublayer, and once
at the end of encoder and decoder. B sequences, L source symbols, M symbols written so far, D dim, V vocabulary.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.model_config import TransformerConfig
from vit_lab.models.attention import Attention, dropout
from vit_lab.models.blocks import PRE_NORM, Block, EncoderBlock, FeedForward, Residual, matrices_of
from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder
from vit_lab.models.vit import sinusoidal_positions
from vit_lab.places import NOWHERE, Place


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Each place may read itself and what is before it (Sec. 3.2.3): (M, M), True where it may."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


class DecoderBlock(Block):
    """Residual block of three (Fig. 1, right): it reads what is written, then the source, then thinks."""

    def __init__(
        self,
        *,
        dim: int,
        hidden: int,
        attention: Attention,
        cross: Attention,
        dropout: float,
        place: Place = NOWHERE,
        residual: Residual = PRE_NORM,
    ):
        super().__init__(place, residual)
        self.dropout = dropout
        self.norm_attention, self.attention = residual.layer_norm(dim), attention
        self.norm_cross, self.cross = residual.layer_norm(dim), cross
        self.norm_mlp = residual.layer_norm(dim)
        self.mlp = FeedForward(dim=dim, hidden=hidden, activation=F.relu, place=place.within("mlp"))

    def matrices(self) -> Iterator[Matrix]:
        """Those of both attentions, then those of the MLP."""
        yield from self.attention.matrices()
        yield from self.cross.matrices()
        yield from self.mlp.matrices()

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor,
        generator: torch.Generator | None = None,
        record: Recorder | None = None,
    ) -> Tensor:  # (B, M, D)
        def attend(x: Tensor) -> Tensor:
            return dropout(self.attention(x, generator, record, mask=mask), self.dropout, generator)

        def read_source(x: Tensor) -> Tensor:
            return dropout(self.cross(x, generator, record, memory=memory), self.dropout, generator)

        x = self.residual(x, self.norm_attention, attend)
        x = self.residual(x, self.norm_cross, read_source)
        x = self.residual(x, self.norm_mlp, lambda x: dropout(self.mlp(x), self.dropout, generator))
        if record is not None:
            record(self.place.leaving, tokens=x)
        return x


class Transformer(nn.Module):
    """Two sequences in, logits of the next symbol at each place out. All sequences of a batch are of one length.

    Dropout is active exactly when `forward` is given a generator to draw from.
    """

    position: Tensor  # (L, D)

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = c = config
        hidden, residual = round(c.dim * c.mlp_ratio), Residual(c.norm, c.residual_factor)
        self.source_embed, self.target_embed = (nn.Embedding(c.vocabulary, c.dim) for _ in range(2))
        positions = sinusoidal_positions(c.sequence_length, c.dim)
        self.register_buffer("position", positions, persistent=False)
        self.encoder = nn.ModuleList(
            EncoderBlock(
                dim=c.dim,
                hidden=hidden,
                attention=_attention(c, place.within("attention")),
                dropout=c.dropout,
                activation=F.relu,
                place=place,
                residual=residual,
            )
            for place in (Place(stack="encoder", block=number) for number in range(1, c.depth + 1))
        )
        self.decoder = nn.ModuleList(
            DecoderBlock(
                dim=c.dim,
                hidden=hidden,
                attention=_attention(c, place.within("attention")),
                cross=_attention(c, place.within("cross")),
                dropout=c.dropout,
                place=place,
                residual=residual,
            )
            for place in (Place(stack="decoder", block=number) for number in range(1, c.depth + 1))
        )
        self.norm_encoder, self.norm_decoder = (
            nn.LayerNorm(c.dim) if c.final_norm else nn.Identity() for _ in range(2)
        )
        self.head = nn.Linear(c.dim, c.vocabulary)

    @property
    def blocks(self) -> nn.ModuleList:
        """The blocks that probes follow: the encoder's."""
        return self.encoder

    def matrices(self) -> Iterator[Matrix]:
        """Every weight matrix: both tables of symbols, the encoder, the decoder, the classifier."""
        source, target = Place().matrix("embed", "source_embed"), Place().matrix("embed", "target_embed")
        yield Matrix(place=source, parameter=self.source_embed.weight, transposed=True)
        yield Matrix(place=target, parameter=self.target_embed.weight, transposed=True)
        yield from matrices_of(self.encoder)
        yield from matrices_of(self.decoder)
        head = Place().matrix("head", "head")
        yield Matrix(place=head, parameter=self.head.weight, bias_parameter=self.head.bias)

    def tokens(self, inputs: Tensor) -> Tensor:
        """What enters the encoder's first block: (B, 2, L) -> (B, L, D)."""
        return self.embedded(self.source_embed, inputs[:, 0])

    def pooled(self, x: Tensor) -> Tensor:
        """One vector for a sequence, the mean of its tokens, for probes alone: (B, L, D) -> (B, D)."""
        return x.mean(dim=1)

    def embedded(self, embed: nn.Embedding, symbols: Tensor) -> Tensor:
        """Embeddings times sqrt(D) (Sec. 3.4), plus positions (Sec. 3.5): (B, L) -> (B, L, D)."""
        return embed(symbols) * math.sqrt(self.config.dim) + self.position[: symbols.shape[1]]

    def encode(
        self, source: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:
        """The memory that the decoder reads: (B, L) -> (B, L, D)."""
        x = dropout(self.embedded(self.source_embed, source), self.config.dropout, generator)
        if record is not None:
            record(Place(stack="encoder", depth=0), tokens=x)
        for block in self.encoder:
            x = block(x, generator, record)
        return self.norm_encoder(x)

    def decode(
        self,
        written: Tensor,
        memory: Tensor,
        generator: torch.Generator | None = None,
        record: Recorder | None = None,
    ) -> Tensor:
        """Logits of the symbol after each one written: (B, M) and (B, L, D) -> (B, M, V)."""
        x = dropout(self.embedded(self.target_embed, written), self.config.dropout, generator)
        if record is not None:
            record(Place(stack="decoder", depth=0), tokens=x)
        mask = causal_mask(written.shape[1], written.device)
        for block in self.decoder:
            x = block(x, memory, mask, generator, record)
        return self.head(self.norm_decoder(x))

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B, 2, L) -> (B, L, V)
        source, written = inputs.unbind(dim=1)
        return self.decode(written, self.encode(source, generator, record), generator, record)

    @torch.no_grad()
    def greedy_decode(self, source: Tensor, start: int) -> Tensor:
        """After `start`, the likeliest symbol, one after another. (B, L) -> (B, L), both int64."""
        memory, written = self.encode(source), torch.full_like(source[:, :1], start)
        for _ in range(source.shape[1]):
            likeliest = self.decode(written, memory)[:, -1:].argmax(dim=-1)
            written = torch.cat([written, likeliest], dim=1)
        return written[:, 1:]


def _attention(c: TransformerConfig, place: Place) -> Attention:
    return Attention(dim=c.dim, heads=c.heads, qkv_bias=True, out_bias=True, dropout=c.attention_dropout, place=place)
