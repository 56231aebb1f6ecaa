"""TimeSformer (Bertasius et al. 2021, "Is Space-Time Attention All You Need for Video Understanding?", Sec. 3, Fig. 2).

B clips, T frames, C channels, S frame size, P patch size, N patches a frame, D dim, Y classes.

What a patch may attend to, and what the scores of one block cost for a clip (Sec. 3, "Space-Time Self-Attention"):

| space_time | a patch reads | scores a head |
| --- | --- | --- |
| space | its own frame | T N^2 |
| joint | all frames | (T N)^2 |
| divided | its place in all frames, then its own frame | N T^2 + T N^2 |

The paper's class token is left out: the classifier reads the mean of all tokens. Without an order of frames, space-only
attention sees a clip as a bag of frames; like the authors' release, it has no positions in time.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vit_lab.model_config import TimesformerConfig
from vit_lab.models.attention import Attention, attention_of, dropout
from vit_lab.models.blocks import PRE_NORM, EncoderBlock, Residual, matrices_between
from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder
from vit_lab.models.vit import patchify, sinusoidal_positions
from vit_lab.places import NOWHERE, Place


class DividedBlock(EncoderBlock):
    """Attention over time, then a block over space (Sec. 3, "Divided Space-Time Attention").

    B T sequences of N tokens come and go. `project` follows attention over time, before the residual sum.
    """

    def __init__(
        self,
        *,
        dim: int,
        hidden: int,
        attention: Attention,
        dropout: float,
        time: Attention,
        frames: int,
        place: Place = NOWHERE,
        residual: Residual = PRE_NORM,
    ):
        super().__init__(dim=dim, hidden=hidden, attention=attention, dropout=dropout, place=place, residual=residual)
        self.frames = frames
        self.norm_time, self.time, self.project = residual.layer_norm(dim), time, nn.Linear(dim, dim)

    def matrices(self) -> Iterator[Matrix]:
        """Those of attention over time and its projection, then those of the block over space."""
        project = self.time.place.matrix("vo", "project")
        yield from self.time.matrices()
        yield Matrix(place=project, parameter=self.project.weight, bias_parameter=self.project.bias)
        yield from super().matrices()

    def over_time(self, x: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None) -> Tensor:
        """What attention over time leaves for attention over space, the residual included: (B T, N, D) both."""
        patches = x.shape[1]

        def lines(x: Tensor) -> Tensor:  # (B N, T, D), a place each
            return x.unflatten(0, (-1, self.frames)).transpose(1, 2).flatten(0, 1)

        def attend(lines: Tensor) -> Tensor:
            read = self.project(self.time(lines, generator, record))
            read = read.unflatten(0, (-1, patches)).transpose(1, 2).flatten(0, 1)  # (B T, N, D)
            return dropout(read, self.dropout, generator)

        return self.residual(x, self.norm_time, attend, lines)

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B T, N, D)
        return super().forward(self.over_time(x, generator, record), generator, record)


class TimeSformer(nn.Module):
    """Clips in, logits out. Patches of all frames become tokens, blocks mix them, the mean token is classified.

    Between blocks the tokens lie as attention over space wants them: (B T, N, D), or (B, T N, D) if it is joint.
    """

    def __init__(self, config: TimesformerConfig):
        super().__init__()
        self.config = c = config
        self.embed = nn.Linear(c.patch_size**2 * c.channels, c.dim)
        ordered = c.space_time != "space"
        if c.position == "learned":
            self.position = nn.Parameter(torch.empty(1, 1, c.num_patches, c.dim))
            self.time_position = nn.Parameter(torch.empty(1, c.num_frames, 1, c.dim)) if ordered else 0.0
        elif c.position == "sinusoidal":
            self.register_buffer("position", sinusoidal_positions(c.num_patches, c.dim)[None, None], persistent=False)
            time = sinusoidal_positions(c.num_frames, c.dim)[None, :, None] * ordered
            self.register_buffer("time_position", time, persistent=False)
        self.blocks = nn.ModuleList(_block(c, Place(block=number)) for number in range(1, c.depth + 1))
        self.norm = nn.LayerNorm(c.dim) if c.final_norm else nn.Identity()
        self.head = nn.Linear(c.dim, c.num_classes)

    def matrices(self) -> Iterator[Matrix]:
        """Every weight matrix, in the order in which data meets them."""
        return matrices_between(self.embed, self.blocks, self.head)

    def tokens(self, clips: Tensor) -> Tensor:
        """What enters the first block (Eq. 1): (B, T, C, S, S) -> (B T, N, D), or (B, T N, D) if attention is joint."""
        x = self.embed(patchify(clips.flatten(0, 1), self.config.patch_size))
        x = x.unflatten(0, clips.shape[:2])  # (B, T, N, D)
        if self.config.position != "none":
            x = x + self.position + self.time_position
        return x.flatten(1, 2) if self.config.space_time == "joint" else x.flatten(0, 1)

    def pooled(self, x: Tensor) -> Tensor:
        """The mean token of each clip, which the classifier reads: (B T, N, D) or (B, T N, D) -> (B, D)."""
        return x.reshape(-1, self.config.num_frames * self.config.num_patches, self.config.dim).mean(dim=1)

    def classify(self, x: Tensor) -> Tensor:
        """What leaves the last block becomes logits: (B T, N, D) or (B, T N, D) -> (B, Y)."""
        return self.head(self.pooled(self.norm(x)))

    def forward(
        self, clips: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B, T, C, S, S) -> (B, Y)
        x = dropout(self.tokens(clips), self.config.dropout, generator)
        if record is not None:
            record(Place(depth=0), tokens=x)
        for block in self.blocks:
            x = block(x, generator, record)
        return self.classify(x)


def _block(c: TimesformerConfig, place: Place) -> EncoderBlock:
    hidden, space = round(c.dim * c.mlp_ratio), attention_of(c, place.within("attention"))
    residual = Residual(c.norm, c.residual_factor)
    if c.space_time != "divided":
        return EncoderBlock(
            dim=c.dim, hidden=hidden, attention=space, dropout=c.dropout, place=place, residual=residual
        )
    return DividedBlock(
        dim=c.dim,
        hidden=hidden,
        attention=space,
        dropout=c.dropout,
        time=attention_of(c, place.within("time")),
        frames=c.num_frames,
        place=place,
        residual=residual,
    )
