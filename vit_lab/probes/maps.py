"""The attention maps of one example: who reads whom, in every block and head, for each kind of model.

E blocks, H heads, N tokens, T frames, P patches a frame, L symbols of a source, M places that are written.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.init.build import Model
from vit_lab.models.record import Recorder
from vit_lab.models.timesformer import TimeSformer
from vit_lab.models.transformer import Transformer
from vit_lab.models.vit import VisionTransformer
from vit_lab.places import Part, Place, Stack
from vit_lab.probes.heads import Heads
from vit_lab.probes.rollout import mean_rollout_of_frames, rollout


@dataclass(frozen=True)
class Maps:
    """Attention weights, each row sums to 1, and what leaves each block.

    | model | attention | time | decoder, cross | rollout |
    | --- | --- | --- | --- | --- |
    | ViT | (E, H, N, N) | | | (N,) |
    | TimeSformer, joint | (E, H, T P, T P), frame by frame | | | (T P,) |
    | space | (E, H, T, P, P), each frame by itself | | | (T P,) |
    | divided | the same, the block's second step | (E, H, P, T, T), its first: a place over time | | (T P,) |
    | Transformer | (E, H, L, L), of the encoder | | (E, H, M, M), (E, H, M, L) | (L,), of the encoder |

    `rollout` is what the classifier's vector has of each token at the start: the class token's row, or the mean over
    rows where the model pools the mean. Of a Transformer it is the mean over rows of what the decoder reads.
    """

    attention: Tensor
    time: Tensor | None
    decoder: Tensor | None
    cross: Tensor | None
    rollout: Tensor
    leaving: list[Tensor]  # E times (1, N, D), as `lens` takes it; of a Transformer, what leaves the decoder's blocks


@torch.no_grad()
def maps(model: Model, example: Tensor) -> Maps:
    """Look at one example, as the model takes it but for the batch: an image, a clip, or sequences (2, L)."""
    record = Recorder()
    model(example[None], record=record)
    numbers = range(1, model.config.depth + 1)

    def weights(part: Part, stack: Stack | None = None) -> list[Tensor]:
        return [Heads(**record[Place(stack=stack, block=number, part=part)]).weights for number in numbers]

    def leaving(stack: Stack | None = None) -> list[Tensor]:
        return [record[Place(stack=stack, block=number).leaving]["tokens"] for number in numbers]

    if isinstance(model, Transformer):
        return _of_sequences(weights, leaving("decoder"))
    attention = weights("attention")
    if isinstance(model, TimeSformer) and model.config.space_time != "joint":
        time = weights("time") if model.config.space_time == "divided" else []
        read = mean_rollout_of_frames(attention, time).flatten()
        over_time = torch.stack(time).transpose(1, 2) if time else None
        return Maps(torch.stack(attention).transpose(1, 2), over_time, None, None, read, leaving())
    rows = rollout(attention)[0]
    reads_class_token = isinstance(model, VisionTransformer) and model.config.pool == "cls"
    read = rows[0] if reads_class_token else rows.mean(dim=0)
    return Maps(torch.stack(attention)[:, 0], None, None, None, read, leaving())


def _of_sequences(weights: Callable[[Part, Stack], list[Tensor]], leaving: list[Tensor]) -> Maps:
    encoder = weights("attention", "encoder")
    decoder, cross = (torch.stack(weights(part, "decoder"))[:, 0] for part in ("attention", "cross"))
    return Maps(torch.stack(encoder)[:, 0], None, decoder, cross, rollout(encoder)[0].mean(dim=0), leaving)
