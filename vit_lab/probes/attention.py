"""Where attention looks, and how near its softmax is to saturation.

B images, H heads, N tokens, K features a head.
"""

import math

import torch
from torch import Tensor

from vit_lab.models.attention import attention_weights

IMAGES_AT_ONCE = 8


def attention_entropy(attention: Tensor) -> Tensor:
    """Mean entropy of each head's rows, over log N: 1 looks everywhere, 0 at one token. (B, H, N, N) -> (H,).

    -sum A log A / log N; collapse precedes instability (Zhai et al. 2023). One token alone counts as 1.
    """
    tokens = attention.shape[-1]
    if tokens == 1:
        return attention.new_ones(attention.shape[1])
    return torch.special.entr(attention).sum(dim=-1).mean(dim=(0, 2)) / math.log(tokens)


def max_attention_logit(q: Tensor, k: Tensor) -> Tensor:
    """Largest |q.k| / sqrt(K) of each head: the softmax saturates as it grows. (B, H, N, K) twice -> (H,).

    Dehghani et al. 2023 (ViT-22B) saw it grow without bound before training diverged.
    """
    logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return logits.abs().amax(dim=(0, 2, 3))


def head_measures(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """(entropy, max logit) of each head from its queries and keys; two times (H,).

    A few images at a time, for with 784 tokens the attention of a whole batch would fill gigabytes.
    """
    entropies, logits = [], []
    for some_q, some_k in zip(q.split(IMAGES_AT_ONCE), k.split(IMAGES_AT_ONCE), strict=True):
        entropies.append(attention_entropy(attention_weights(some_q, some_k)) * len(some_q))
        logits.append(max_attention_logit(some_q, some_k))
    return torch.stack(entropies).sum(dim=0) / len(q), torch.stack(logits).amax(dim=0)
