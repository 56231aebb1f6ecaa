"""One forward pass looked at from inside: the tokens at every depth, and the heads of every block.

Of an encoder-decoder it follows the encoder; of attention that is divided into time and space, each block's space.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.init.build import Model
from vit_lab.models.record import Recorder
from vit_lab.models.transformer import Transformer
from vit_lab.places import Place
from vit_lab.probes.heads import Heads


@dataclass(frozen=True)
class Trace:
    """What a batch becomes. L blocks, B sequences of N tokens, D dim.

    A sequence is an image, or of a clip whatever attention sees at once: a frame, or all of them.
    """

    tokens: list[Tensor]  # L + 1 times (B, N, D): before the first block, then after each
    heads: list[Heads]  # L times


@torch.no_grad()
def trace(model: Model, inputs: Tensor) -> Trace:
    """Run a batch, as the model takes it, through the model without dropout and keep what passes by."""
    record = Recorder()
    if isinstance(model, Transformer):
        model.encode(inputs[:, 0], record=record)
    else:
        model(inputs, record=record)
    return _of(model, record)


@torch.no_grad()
def trace_and_logits(model: Model, inputs: Tensor) -> tuple[Trace, Tensor]:
    """The same, and what the model answers, of one pass; of an encoder-decoder, the decoder writes too."""
    record = Recorder()
    logits = model(inputs, record=record)
    return _of(model, record), logits


def _of(model: Model, record: Recorder) -> Trace:
    stack = Place(stack="encoder") if isinstance(model, Transformer) else Place()
    blocks = [stack.of_block(number) for number in range(model.config.depth + 1)]
    return Trace(
        tokens=[record[block.leaving]["tokens"] for block in blocks],
        heads=[Heads(**record[block.within("attention")]) for block in blocks[1:]],
    )
