"""What an encoder-decoder Transformer writes for a sequence, and where it looks as it writes.

H heads, L symbols, V vocabulary, E encoder blocks and as many decoder blocks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.record import Recorder
from vit_lab.models.transformer import Transformer
from vit_lab.places import Part, Place, Stack
from vit_lab.probes.heads import Heads


@dataclass(frozen=True)
class Decoded:
    """One sequence, written greedily. Row i of an attention of the decoder is from when symbol i was chosen."""

    written: Tensor  # (L,) int64
    probabilities: Tensor  # (L, V), of each symbol at each place
    encoder: Tensor  # (E, H, L, L): a symbol of the source looks at the source
    decoder: Tensor  # (E, H, L, L): a place looks at the start symbol and what is written
    cross: Tensor  # (E, H, L, L): a place looks at the source


@torch.no_grad()
def decoded(model: Transformer, source: Tensor, start: int) -> Decoded:
    """Write for one source (L,), as `Transformer.greedy_decode` does, and look on.

    Because of the causal mask, each place sees in one pass over all that is written what it saw as it was written.
    """
    written = model.greedy_decode(source[None], start)
    shifted = torch.cat([torch.full_like(written[:, :1], start), written[:, :-1]], dim=1)
    record = Recorder()
    logits = model(torch.stack([source[None], shifted], dim=1), record=record)

    def weights(stack: Stack, part: Part) -> Tensor:
        attentions = [Place(stack=stack, block=number, part=part) for number in range(1, model.config.depth + 1)]
        return torch.stack([Heads(**record[attention]).weights[0] for attention in attentions])

    return Decoded(
        written=written[0],
        probabilities=logits.softmax(dim=-1)[0],
        encoder=weights("encoder", "attention"),
        decoder=weights("decoder", "attention"),
        cross=weights("decoder", "cross"),
    )
