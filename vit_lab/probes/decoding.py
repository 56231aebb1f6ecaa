"""What an encoder-decoder Transformer writes for a sequence, and where it looks as it writes.

H heads, L symbols, V vocabulary, E encoder blocks and as many decoder blocks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.attention import attention_weights
from vit_lab.models.blocks import EncoderBlock
from vit_lab.models.transformer import DecoderBlock, Transformer, causal_mask


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
    """Write for one source (L,), as `Transformer.write` does, and look on.

    Because of the causal mask, each place sees in one pass over all that is written what it saw as it was written.
    """
    written = model.write(source[None], start)
    shifted = torch.cat([torch.full_like(written[:, :1], start), written[:, :-1]], dim=1)
    encoder, decoder, cross = [], [], []
    x = model.embedded(model.source_embed, source[None])
    for block in model.encoder:
        assert isinstance(block, EncoderBlock)
        encoder.append(attention_weights(*block.queries_keys(x))[0])
        x = block(x)
    memory = model.norm_encoder(x)
    x, mask = model.embedded(model.target_embed, shifted), causal_mask(len(source)).to(source.device)
    for block in model.decoder:
        assert isinstance(block, DecoderBlock)
        q, k, _ = block.attention.project(block.norm_attention(x))
        decoder.append(attention_weights(q, k, mask)[0])
        read = x + block.attention(block.norm_attention(x), mask=mask)
        q, k, _ = block.cross.project(block.norm_cross(read), memory)
        cross.append(attention_weights(q, k)[0])
        x = block(x, memory, mask)
    probabilities = model.head(model.norm_decoder(x)).softmax(dim=-1)[0]
    return Decoded(written[0], probabilities, *map(torch.stack, (encoder, decoder, cross)))
