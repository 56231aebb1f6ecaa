"""One forward pass looked at from inside: the tokens at every depth, and the queries and keys of every block.

It calls the model's own pieces in the model's own order, so there are no hooks to leave behind: `tokens` before the
first of the `blocks`, and each block's `queries_keys`. Of an encoder-decoder it follows the encoder; of attention that is
divided into time and space, each block's space.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.init import Model
from vit_lab.models.blocks import EncoderBlock


@dataclass(frozen=True)
class Trace:
    """What a batch becomes. L blocks, B sequences of N tokens, D dim, H heads, K features a head.

    A sequence is an image, or of a clip whatever attention sees at once: a frame, or all of them.
    """

    tokens: list[Tensor]  # L + 1 times (B, N, D): before the first block, then after each
    queries_keys: list[tuple[Tensor, Tensor]]  # L times two (B, H, N, K)


@torch.no_grad()
def trace(model: Model, inputs: Tensor) -> Trace:
    """Run a batch, as the model takes it, through the model without dropout and keep what passes by."""
    tokens, queries_keys = [model.tokens(inputs)], []
    for block in model.blocks:
        assert isinstance(block, EncoderBlock)
        queries_keys.append(block.queries_keys(tokens[-1]))
        tokens.append(block(tokens[-1]))
    return Trace(tokens, queries_keys)
