"""What the weights look like, how far they have moved, and how hard the gradient pulls.

W_t are the weights after t steps, W_0 the init. Everything is told by layer (a group within a block) and, where it
can be pooled, by group over all blocks.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from vit_lab.init import gradients, matrices

Row = tuple[str, str, float]

# Edges of the histogram bins, the same for every run, so that arms overlay honestly. They are evenly spaced in
# symlog(w) = sign(w) log(1 + |w| / HISTOGRAM_CONSTANT): fine near 0, where a std of 0.02 lives, and wide enough for 30.
HISTOGRAM_CONSTANT = 0.01
HISTOGRAM_BINS = 160
_RANGE = 8.0


def layers(model: nn.Module) -> dict[str, Tensor]:
    """A flat copy of the weights of every layer, by its name ("embed", "1.qk", ..., "head")."""
    return {
        name: torch.cat(parts)
        for name, parts in _by_layer((m.layer, m.weight.detach()) for m in matrices(model)).items()
    }


@torch.no_grad()
def weight_rows(now: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> list[Row]:
    """std(W_t), ||W_t||_F and ||W_t - W_0||_F / ||W_0||_F (Chizat et al. 2019) of every layer and every group.

    `now` and `start` are `layers` of the same model after t steps and at step 0.
    """
    places = {name: [name] for name in now}
    for name in now:
        group = name.split(".")[-1]
        if group != name:
            places.setdefault(group, []).append(name)
    rows: list[Row] = []
    for place, names in places.items():
        weights = now[names[0]] if len(names) == 1 else torch.cat([now[name] for name in names])
        moved = torch.stack([(now[name] - start[name]).square().sum() for name in names]).sum().sqrt()
        origin = torch.stack([start[name].square().sum() for name in names]).sum().sqrt()
        std, norm, distance = torch.stack([weights.std(), weights.norm(), moved / origin]).tolist()
        rows += [("weight_std", place, std), ("weight_norm", place, norm), ("weight_distance", place, distance)]
    return rows


@torch.no_grad()
def update_rows(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[Row]:
    """log10(std(dW) / std(W)) of every layer for one step: about -3 is a common rule (Karpathy, makemore lectures)."""
    ratios = torch.stack([(after[name] - weights).std() / weights.std() for name, weights in before.items()]).tolist()
    logs = [math.log10(ratio) if ratio > 0 else -math.inf for ratio in ratios]
    return [("update_ratio", name, log) for name, log in zip(before, logs, strict=True)]


@torch.no_grad()
def gradient_rows(model: nn.Module) -> list[Row]:
    """||dL/dW||_F of every layer after a backward pass (Glorot & Bengio 2010, Sec. 4.2.1)."""
    norms: dict[str, list[Tensor]] = {}
    for matrix in gradients(model):
        norms.setdefault(matrix.layer, []).append(matrix.weight.norm())
    by_layer = torch.stack([torch.stack(parts).norm() for parts in norms.values()]).tolist()
    return [("gradient_norm", name, norm) for name, norm in zip(norms, by_layer, strict=True)]


def histogram_edges() -> list[float]:
    """The HISTOGRAM_BINS + 1 edges, in units of a weight. Weights beyond the outermost count to the last bin."""
    position = torch.linspace(-_RANGE, _RANGE, HISTOGRAM_BINS + 1, dtype=torch.float64)
    return (position.sign() * HISTOGRAM_CONSTANT * position.abs().expm1()).tolist()


@torch.no_grad()
def histograms(weights: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """How many weights of every layer fall into each bin."""
    counts = {}
    for name, values in weights.items():
        position = values.sign() * (values.abs() / HISTOGRAM_CONSTANT).log1p()
        counts[name] = position.clamp(-_RANGE, _RANGE).histc(HISTOGRAM_BINS, -_RANGE, _RANGE).int().tolist()
    return counts


def _by_layer(parts: Iterable[tuple[str, Tensor]]) -> dict[str, list[Tensor]]:
    found: dict[str, list[Tensor]] = {}
    for layer, weight in parts:
        found.setdefault(layer, []).append(weight.flatten())
    return found
