"""What the weights look like, how far they have moved, and how hard the gradient pulls.

W_t are the weights after t steps, W_0 the init. Everything is told by layer (a group within a block) and, where it
can be pooled, by group over all blocks; see `vit_lab.places`.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from vit_lab.events import Row
from vit_lab.init.build import Model
from vit_lab.places import Place
from vit_lab.probes.bins import BINS, CONSTANT, RANGE


def layers(model: Model) -> dict[Place, Tensor]:
    """A flat copy of the weights of every layer, in the order in which data meets them."""
    found: dict[Place, list[Tensor]] = {}
    for matrix in model.matrices():
        found.setdefault(matrix.place.layer, []).append(matrix.weight.detach().flatten())
    return {layer: torch.cat(parts) for layer, parts in found.items()}


@torch.no_grad()
def weight_rows(now: Mapping[Place, Tensor], start: Mapping[Place, Tensor]) -> list[Row]:
    """std(W_t), ||W_t||_F and ||W_t - W_0||_F / ||W_0||_F (Chizat et al. 2019) of every layer and every group.

    `now` and `start` are `layers` of the same model after t steps and at step 0.
    """
    places = {layer: [layer] for layer in now}
    for layer in now:
        if layer.block is not None:
            places.setdefault(Place(group=layer.group), []).append(layer)
    rows: list[Row] = []
    for place, pooled in places.items():
        weights = now[pooled[0]] if len(pooled) == 1 else torch.cat([now[layer] for layer in pooled])
        moved = torch.stack([(now[layer] - start[layer]).square().sum() for layer in pooled]).sum().sqrt()
        origin = torch.stack([start[layer].square().sum() for layer in pooled]).sum().sqrt()
        std, norm, distance = torch.stack([weights.std(), weights.norm(), moved / origin]).tolist()
        rows += [("weight_std", place, std), ("weight_norm", place, norm), ("weight_distance", place, distance)]
    return rows


@torch.no_grad()
def update_rows(before: Mapping[Place, Tensor], after: Mapping[Place, Tensor]) -> list[Row]:
    """log10(std(dW) / std(W)) of every layer for one step: about -3 is a common rule (Karpathy, makemore lectures)."""
    ratios = torch.stack([(after[layer] - weights).std() / weights.std() for layer, weights in before.items()]).tolist()
    logs = [math.log10(ratio) if ratio > 0 else -math.inf for ratio in ratios]
    return [("update_ratio", layer, log) for layer, log in zip(before, logs, strict=True)]


@torch.no_grad()
def gradient_rows(model: Model) -> list[Row]:
    """||dL/dW||_F of every layer after a backward pass (Glorot & Bengio 2010, Sec. 4.2.1)."""
    norms: dict[Place, list[Tensor]] = {}
    for matrix in model.matrices():
        norms.setdefault(matrix.place.layer, []).append(matrix.gradient.norm())
    values = torch.stack([torch.stack(parts).norm() for parts in norms.values()]).tolist()
    return [("gradient_norm", layer, value) for layer, value in zip(norms, values, strict=True)]


@torch.no_grad()
def spectrum_rows(model: Model) -> list[Row]:
    """The largest and the smallest singular value of any matrix of a group, in the first block and outside of all."""
    values: dict[Place, list[Tensor]] = {}
    for matrix in model.matrices():
        if matrix.place.block in (None, 1):
            found = torch.linalg.svdvals(matrix.weight.detach())
            values.setdefault(Place(group=matrix.group), []).append(torch.stack([found.max(), found.min()]))
    rows: list[Row] = []
    for group, pairs in values.items():
        both = torch.stack(pairs)
        rows.append(("largest_singular_value", group, float(both[:, 0].max())))
        rows.append(("smallest_singular_value", group, float(both[:, 1].min())))
    return rows


@torch.no_grad()
def histograms(weights: Mapping[Place, Tensor]) -> dict[Place, list[int]]:
    """How many weights of every layer fall into each bin of `vit_lab.probes.bins.histogram_edges`."""
    counts = {}
    for layer, values in weights.items():
        position = values.sign() * (values.abs() / CONSTANT).log1p()
        counts[layer] = position.clamp(-RANGE, RANGE).histc(BINS, -RANGE, RANGE).int().tolist()
    return counts
