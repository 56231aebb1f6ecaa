"""What the lesson on the TimeSformer shows: what a patch of a clip reads, and what becomes of a clip played backwards.

Clips come from the test set of a config, the same for every seed.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from vit_lab.config import GroupName, RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.lessons.models import of_kind
from vit_lab.lessons.seen import BothWays, Reads
from vit_lab.models.timesformer import TimeSformer
from vit_lab.places import Place
from vit_lab.probes import space_time
from vit_lab.training.cost import joint_against_divided
from vit_lab.training.looks import Weights

SHOWN = 4  # clips that two models at step 0 are compared on


def reads(
    config: RunConfig, weights: Weights, clips: RunConfig, asked: int, index: int, block: int, query: tuple[int, int]
) -> Reads:
    """What the patch `query` (frame, place) of a clip reads in a block, or in the last if the model has fewer."""
    model = of_kind(TimeSformer, config, weights)
    clip = _held_out(clips, asked)[0][index]
    found = space_time.reads(model, clip, min(block, model.config.depth - 1), *query)
    return Reads(clip[:, 0].numpy(), found.space.numpy(), None if found.time is None else found.time.numpy())


def differences(one: RunConfig, other: RunConfig, clips: RunConfig, asked: int) -> list[float]:
    """How far two models at step 0 are apart after each block, both given the tokens of one."""
    model, compared = (of_kind(TimeSformer, config, Weights(0)) for config in (one, other))
    return space_time.block_differences(model, compared, model.tokens(_held_out(clips, asked)[0][:SHOWN]))


def matrices(config: RunConfig) -> list[tuple[Place, GroupName, tuple[int, int], float]]:
    """(place, group, fans, std) of each matrix of a model at step 0."""
    found = of_kind(TimeSformer, config, Weights(0)).matrices()
    return [(matrix.place, matrix.group, matrix.fans, float(matrix.weight.std())) for matrix in found]


def both_ways(config: RunConfig, weights: Weights, clips: RunConfig, asked: int, index: int) -> BothWays:
    """What a model says of one clip and of its reverse."""
    shown, labels = (part[index : index + 1] for part in _held_out(clips, asked))
    found = space_time.both_ways(of_kind(TimeSformer, config, weights), shown)
    forwards, backwards = (logits.softmax(dim=-1)[0].tolist() for logits in found)
    return BothWays(shown[0, :, 0].numpy(), int(labels), forwards, backwards)


def reversal(config: RunConfig, weights: Weights, clips: RunConfig, asked: int) -> tuple[float, float]:
    """Accuracy over clips and their reverses, and the share of clips with one answer for both."""
    inputs, labels = _held_out(clips, asked)
    found = space_time.both_ways(of_kind(TimeSformer, config, weights), inputs)
    here, there = (logits.argmax(dim=-1) for logits in found)
    right = torch.cat([here == labels, there == labels ^ 1])  # the opposite of 0 is 1, and of 2 is 3
    return float(right.float().mean()), float((here == there).float().mean())


def measured(frames: Sequence[int], repeats: int, most_seconds: float) -> list[dict[str, Any]]:
    """Rows of `vit_lab.training.cost.joint_against_divided`, with one intra-op thread."""
    torch.set_num_threads(1)
    return list(joint_against_divided(frames, repeats, most_seconds))


@lru_cache(6)
def _held_out(clips: RunConfig, asked: int) -> tuple[Tensor, Tensor]:
    """The first test clips, (n, T, 1, S, S), and their directions, (n,)."""
    torch.set_num_threads(1)
    test = load_run_data(clips).test
    return test.inputs[:asked].clone(), test.labels[:asked].clone()
