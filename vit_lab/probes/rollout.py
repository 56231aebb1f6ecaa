"""Attention rollout: how much of each token reaches each other through all blocks (Abnar & Zuidema 2020, Sec. 3).

In a block, a token keeps itself and reads others: the mean of the heads' weights plus the identity, each row over its
sum. The product over the blocks says how much of each token at the start is in each at the end, as far as attention
tells; values, MLPs and a factor of the residual path are left out, as in the paper.

B sequences, H heads, N tokens, T frames, P patches a frame.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def step_of(attention: Tensor) -> Tensor:
    """What one attention passes on: (..., H, N, N) -> (..., N, N), each row sums to 1."""
    mixed = attention.mean(dim=-3) + torch.eye(attention.shape[-1], dtype=attention.dtype, device=attention.device)
    return mixed / mixed.sum(dim=-1, keepdim=True)


def rollout(attention: Sequence[Tensor]) -> Tensor:
    """How much of each token at the start is in each at the end, block by block (B, H, N, N) -> (B, N, N)."""
    total = step_of(attention[0])
    for weights in attention[1:]:
        total = step_of(weights) @ total
    return total


def mean_rollout_of_frames(space: Sequence[Tensor], time: Sequence[Tensor]) -> Tensor:
    """How much of each patch of a clip is in the mean of all tokens at the end: (T, P), sums to 1.

    Frames read within themselves, in each block (T, H, P, P). Before that, where attention is divided, each place has
    read all frames, (P, H, T, T): a step of its own. `time` is empty where there is none. The product of all steps is
    followed from its end, for one row of it is enough.
    """
    frames, _, patches, _ = space[0].shape
    read = space[0].new_full((frames, patches), 1 / (frames * patches))
    for block in reversed(range(len(space))):
        read = (read[:, None] @ step_of(space[block]))[:, 0]
        if time:
            read = (read.T[:, None] @ step_of(time[block]))[:, 0].T
    return read
