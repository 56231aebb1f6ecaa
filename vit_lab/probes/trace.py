"""One forward pass looked at from inside: the tokens at every depth, and the queries and keys of every block.

It calls the model's own pieces in the model's own order, so there are no hooks to leave behind.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.blocks import EncoderBlock
from vit_lab.models.vit import VisionTransformer


@dataclass(frozen=True)
class Trace:
    """What a batch becomes. L blocks, B images, N tokens, D dim, H heads, K features a head, Y classes."""

    tokens: list[Tensor]  # L + 1 times (B, N, D): before the first block, then after each
    queries_keys: list[tuple[Tensor, Tensor]]  # L times two (B, H, N, K)
    logits: Tensor  # (B, Y)


@torch.no_grad()
def trace(model: VisionTransformer, images: Tensor) -> Trace:
    """Run a batch (B, C, S, S) through the model without dropout and keep what passes by."""
    tokens, queries_keys = [model.tokens(images)], []
    for block in model.blocks:
        assert isinstance(block, EncoderBlock)
        q, k, _ = block.attention.project(block.norm_attention(tokens[-1]))
        queries_keys.append((q, k))
        tokens.append(block(tokens[-1]))
    return Trace(tokens, queries_keys, model.classify(tokens[-1]))
