"""Where attention looks, and how near its softmax is to saturation.

B images, H heads, N tokens, K features a head.
"""

import math

import torch
from torch import Tensor

from vit_lab.models.attention import attention_weights


def attention_entropy(attention: Tensor) -> Tensor:
    """Mean entropy of each head's rows, over log N: 1 looks everywhere, 0 at one token. (B, H, N, N) -> (H,).

    -sum A log A / log N; collapse precedes instability (Zhai et al. 2023). One token alone counts as 1.
    """
    tokens = attention.shape[-1]
    if tokens == 1:
        return torch.ones(attention.shape[1])
    return torch.special.entr(attention).sum(dim=-1).mean(dim=(0, 2)) / math.log(tokens)


def max_attention_logit(q: Tensor, k: Tensor) -> Tensor:
    """Largest |q.k| / sqrt(K) of each head: the softmax saturates as it grows. (B, H, N, K) twice -> (H,).

    Dehghani et al. 2023, Sec. 3.1 report divergence as it passes the thousands.
    """
    logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return logits.abs().amax(dim=(0, 2, 3))


def head_measures(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """(entropy, max logit) of each head from its queries and keys; two times (H,)."""
    return attention_entropy(attention_weights(q, k)), max_attention_logit(q, k)
