"""The logit lens: what the classifier would say after each block, and of each token (nostalgebraist 2020).

The final norm comes first, as in the model. After the last block that is the model's own answer.

B examples, N tokens, D dim, Y classes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vit_lab.init.build import Model
from vit_lab.models.transformer import Transformer


@torch.no_grad()
def lens(model: Model, leaving: Sequence[Tensor]) -> Tensor:
    """Class probabilities after each block, from the tokens that leave it: E times (B, N, D) -> (E, B, Y).

    Of an encoder-decoder, from those that leave the decoder's blocks: (E, B, M, Y), at each place that is written.
    """
    answer = _at_each_token(model) if isinstance(model, Transformer) else model.classify
    return torch.stack([answer(tokens).softmax(dim=-1) for tokens in leaving])


@torch.no_grad()
def token_lens(model: Model, leaving: Sequence[Tensor]) -> Tensor:
    """The same of each token alone, as if it were what the model pools: E times (B, N, D) -> (E, B, N, Y)."""
    answer = _at_each_token(model)
    return torch.stack([answer(tokens).softmax(dim=-1) for tokens in leaving])


def _at_each_token(model: Model) -> Callable[[Tensor], Tensor]:
    norm = model.norm_decoder if isinstance(model, Transformer) else model.norm
    return lambda tokens: model.head(norm(tokens))
