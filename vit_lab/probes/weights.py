"""What the weights look like: spread, and distance from where they began.

W_t are the weights after t steps, W_0 the init. Source of the distance: Chizat et al. 2019 (lazy training).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vit_lab.init import matrices

Row = tuple[str, str, float]


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of every weight matrix, by name."""
    return {matrix.name: matrix.weight.detach().clone() for matrix in matrices(model)}


@torch.no_grad()
def group_statistics(model: nn.Module, initial: Mapping[str, Tensor]) -> list[Row]:
    """Rows ("weight_std" | "weight_distance", group, value), each group's matrices taken together.

    The distance is ||W_t - W_0||_F / ||W_0||_F against `initial`, a `snapshot` of step 0.
    """
    groups: dict[str, tuple[list[Tensor], list[Tensor]]] = {}
    for matrix in matrices(model):
        now, start = groups.setdefault(matrix.group, ([], []))
        now.append(matrix.weight.flatten())
        start.append(initial[matrix.name].flatten())
    rows: list[Row] = []
    for group, (now_parts, start_parts) in groups.items():
        now_flat, start_flat = torch.cat(now_parts), torch.cat(start_parts)
        rows.append(("weight_std", group, float(now_flat.std())))
        rows.append(("weight_distance", group, float((now_flat - start_flat).norm() / start_flat.norm())))
    return rows
