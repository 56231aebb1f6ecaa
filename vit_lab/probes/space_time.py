"""Which patches of a clip a patch reads, and what becomes of a clip that is played backwards.

B clips, T frames, N patches a frame, H heads, D dim, Y classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.models.timesformer import TimeSformer
from vit_lab.probes.maps import maps


@dataclass(frozen=True)
class Reads:
    """How much one patch reads of each in one block: (T, N) each, the mean of all heads. What is out of reach is 0.

    With divided attention, `time` is the first step, over the patch's own place, and `space` the second, over its
    frame; joint attention does both at once, in `space`.
    """

    space: Tensor
    time: Tensor | None


@torch.no_grad()
def reads(model: TimeSformer, clip: Tensor, block: int, frame: int, patch: int) -> Reads:
    """What the patch at (frame, patch) of a clip (T, C, S, S) reads in a block; all are counted from 0."""
    c, found = model.config, maps(model, clip)
    attention = found.attention[block].mean(dim=0)  # (T, N, N), or (T N, T N) if joint
    if c.space_time == "joint":
        return Reads(attention[frame * c.num_patches + patch].view(c.num_frames, c.num_patches), None)
    space = attention.new_zeros(c.num_frames, c.num_patches)
    space[frame] = attention[frame, patch]
    if found.time is None:
        return Reads(space, None)
    time = torch.zeros_like(space)
    time[:, patch] = found.time[block].mean(dim=0)[patch, frame]  # (N, T, T)
    return Reads(space, time)


@torch.no_grad()
def block_differences(one: TimeSformer, other: TimeSformer, tokens: Tensor) -> list[float]:
    """How far two models are apart after each block, both given the same tokens (B T, N, D): the largest difference."""
    x, y, found = tokens, tokens, []
    for a, b in zip(one.blocks, other.blocks, strict=True):
        x, y = a(x), b(y)
        found.append(float((x - y).abs().max()))
    return found


@torch.no_grad()
def both_ways(model: TimeSformer, clips: Tensor, at_once: int = 100) -> tuple[Tensor, Tensor]:
    """Logits of clips (B, T, C, S, S) and of the same clips backwards; two times (B, Y)."""
    forwards, backwards = (torch.cat([model(part) for part in way.split(at_once)]) for way in (clips, clips.flip(1)))
    return forwards, backwards
