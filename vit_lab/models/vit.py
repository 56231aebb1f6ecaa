"""Vision Transformer (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", Fig. 1).

B batch, C channels, S image size, P patch size, N tokens, D dim, Y classes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vit_lab.model_config import VitConfig
from vit_lab.models.attention import attention_of, dropout
from vit_lab.models.blocks import EncoderBlock, Residual, matrices_between
from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder
from vit_lab.places import Place


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into patches, row by row, each flattened: (B, C, S, S) -> (B, (S/P)^2, P*P*C)."""
    batch, channels, size, _ = images.shape
    side = size // patch_size
    grid = images.reshape(batch, channels, side, patch_size, side, patch_size)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(batch, side * side, patch_size * patch_size * channels)


def unpatchify(patches: Tensor, patch_size: int, channels: int) -> Tensor:
    """Put patches together again, the inverse of `patchify`: (B, (S/P)^2, P*P*C) -> (B, C, S, S)."""
    batch, count, _ = patches.shape
    side = round(count**0.5)
    grid = patches.reshape(batch, side, side, patch_size, patch_size, channels)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, side * patch_size, side * patch_size)


def sinusoidal_positions(tokens: int, dim: int) -> Tensor:
    """Fixed sines and cosines of falling frequency, one row a token (Vaswani et al. 2017, Sec. 3.5). -> (N, D)."""
    column = torch.arange(dim)
    angle = torch.arange(tokens)[:, None] / 10_000 ** ((column - column % 2) / dim)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


class VisionTransformer(nn.Module):
    """Images in, logits out. Patches become tokens, encoder blocks mix them, the pooled token is classified.

    Dropout is active exactly when `forward` is given a generator to draw from.
    """

    def __init__(self, config: VitConfig):
        super().__init__()
        self.config = c = config
        self.embed = nn.Linear(c.patch_size**2 * c.channels, c.dim)
        self.class_token = nn.Parameter(torch.empty(1, 1, c.dim)) if c.pool == "cls" else None
        if c.position == "learned":
            self.position = nn.Parameter(torch.empty(1, c.num_tokens, c.dim))
        elif c.position == "sinusoidal":
            self.register_buffer("position", sinusoidal_positions(c.num_tokens, c.dim)[None], persistent=False)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                dim=c.dim,
                hidden=round(c.dim * c.mlp_ratio),
                attention=attention_of(c, place.within("attention")),
                dropout=c.dropout,
                place=place,
                residual=Residual(c.norm, c.residual_factor),
            )
            for place in (Place(block=number) for number in range(1, c.depth + 1))
        )
        self.norm = nn.LayerNorm(c.dim) if c.final_norm else nn.Identity()
        self.head = nn.Linear(c.dim, c.num_classes)

    def matrices(self) -> Iterator[Matrix]:
        """Every weight matrix, in the order in which data meets them."""
        return matrices_between(self.embed, self.blocks, self.head)

    def tokens(self, images: Tensor) -> Tensor:
        """What enters the first block (Eq. 1): (B, C, S, S) -> (B, N, D)."""
        x = self.embed(patchify(images, self.config.patch_size))
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)
        return x if self.config.position == "none" else x + self.position

    def pooled(self, x: Tensor) -> Tensor:
        """The one vector of an image that the classifier reads: (B, N, D) -> (B, D)."""
        return x[:, 0] if self.config.pool == "cls" else x.mean(dim=1)

    def classify(self, x: Tensor) -> Tensor:
        """What leaves the last block becomes logits: (B, N, D) -> (B, Y)."""
        return self.head(self.pooled(self.norm(x)))

    def forward(
        self, images: Tensor, generator: torch.Generator | None = None, record: Recorder | None = None
    ) -> Tensor:  # (B, C, S, S) -> (B, Y)
        x = dropout(self.tokens(images), self.config.dropout, generator)
        if record is not None:
            record(Place(depth=0), tokens=x)
        for block in self.blocks:
            x = block(x, generator, record)
        return self.classify(x)
