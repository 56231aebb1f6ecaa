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

import torch
from torch import Tensor, nn

from vit_lab.config import TimesformerConfig
from vit_lab.models.attention import Attention, dropout
from vit_lab.models.blocks import EncoderBlock
from vit_lab.models.vit import patchify, sinusoidal_positions


class DividedBlock(EncoderBlock):
    """Attention over time, then a block over space (Sec. 3, "Divided Space-Time Attention"): B T sequences of N tokens come and go.

    `project` follows attention over time and is the temporal projection that may start at 0, so that a block starts as
    one of space alone.
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
        starts_at_zero: bool,
    ):
        super().__init__(dim=dim, hidden=hidden, attention=attention, dropout=dropout)
        self.frames, self.starts_at_zero = frames, starts_at_zero
        self.norm_time, self.time, self.project = nn.LayerNorm(dim), time, nn.Linear(dim, dim)

    def over_time(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What attention over time leaves for attention over space, the residual included: (B T, N, D) both."""
        patches = x.shape[1]
        read = self.project(self.time(self.norm_time(self._lines(x)), generator))
        read = read.unflatten(0, (-1, patches)).transpose(1, 2).flatten(0, 1)  # (B T, N, D)
        return x + dropout(read, self.dropout, generator)

    def queries_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of attention over space: (B T, N, D) -> two times (B T, H, N, K)."""
        return super().queries_keys(self.over_time(x))

    def queries_keys_in_time(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of attention over time, a sequence for each place: (B T, N, D) -> two times (B N, H, T, K)."""
        q, k, _ = self.time.project(self.norm_time(self._lines(x)))
        return q, k

    def _lines(self, x: Tensor) -> Tensor:
        """Each place by itself, through all frames: (B T, N, D) -> (B N, T, D)."""
        return x.unflatten(0, (-1, self.frames)).transpose(1, 2).flatten(0, 1)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:  # (B T, N, D)
        return super().forward(self.over_time(x, generator), generator)


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
        self.blocks = nn.ModuleList(_block(c) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.dim) if c.final_norm else nn.Identity()
        self.head = nn.Linear(c.dim, c.num_classes)

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

    def forward(self, clips: Tensor, generator: torch.Generator | None = None) -> Tensor:  # (B, T, C, S, S) -> (B, Y)
        x = dropout(self.tokens(clips), self.config.dropout, generator)
        for block in self.blocks:
            x = block(x, generator)
        return self.classify(x)


def _block(c: TimesformerConfig) -> EncoderBlock:
    space, time = (
        Attention(dim=c.dim, heads=c.heads, qkv_bias=c.qkv_bias, out_bias=c.out_bias, dropout=c.attention_dropout)
        for _ in range(2)
    )
    hidden = round(c.dim * c.mlp_ratio)
    if c.space_time != "divided":
        return EncoderBlock(dim=c.dim, hidden=hidden, attention=space, dropout=c.dropout)
    return DividedBlock(
        dim=c.dim,
        hidden=hidden,
        attention=space,
        dropout=c.dropout,
        time=time,
        frames=c.num_frames,
        starts_at_zero=c.zero_temporal,
    )
