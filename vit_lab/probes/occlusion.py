"""Occlusion: what the true class loses where part of the input is blanked (Zeiler & Fergus 2014, Sec. 4.2).

N parts of one example: patches of an image or of all frames, or symbols of a source. Y classes.
"""

import torch
from torch import Tensor

from vit_lab.init.build import Model
from vit_lab.models.transformer import Transformer
from vit_lab.models.vit import patchify, unpatchify

AT_ONCE = 64


@torch.no_grad()
def occlusion(model: Model, example: Tensor, label: Tensor, blank: Tensor) -> Tensor:
    """Probability of the true class, less that with each part blanked in turn: (N,), or (T, N) of a clip.

    Args:
        example: an image (C, S, S), a clip (T, C, S, S), or sequences (2, L), as the model takes it.
        label: the true class; of sequences (L,), of which the last place is looked at.
        blank: what takes the place of a part: a pixel (C, 1, 1), or the symbol of a source () that says nothing.
    """
    parts = _parts(model, example)
    before = _true(model, example[None], label)
    found = []
    for some in torch.arange(parts).split(AT_ONCE):
        blanked = torch.stack([_blanked(model, example, int(part), blank) for part in some])
        found.append(before - _true(model, blanked, label))
    lost = torch.cat(found)
    return lost.view(len(example), -1) if example.ndim == 4 else lost


def _true(model: Model, inputs: Tensor, label: Tensor) -> Tensor:
    """Probability of the true class, at the last place of a sequence: (B, ...) -> (B,)."""
    probabilities = model(inputs).softmax(dim=-1)
    if isinstance(model, Transformer):
        return probabilities[:, -1, label[-1]]
    return probabilities[:, label]


def _parts(model: Model, example: Tensor) -> int:
    if isinstance(model, Transformer):
        return example.shape[1]
    return model.config.num_patches * (len(example) if example.ndim == 4 else 1)


def _blanked(model: Model, example: Tensor, part: int, blank: Tensor) -> Tensor:
    if isinstance(model, Transformer):
        blanked = example.clone()
        blanked[0, part] = blank
        return blanked
    size = model.config.patch_size
    frames = example if example.ndim == 4 else example[None]
    patches = patchify(frames, size)
    frame, place = divmod(part, patches.shape[1])
    patches[frame, place] = blank.flatten().repeat(size * size)  # a patch is pixel after pixel, each all channels
    return unpatchify(patches, size, frames.shape[1]).view_as(example)
