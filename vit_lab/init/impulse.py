"""Attention that starts as a convolution does (Zheng et al. 2025, "Structured Initialization for Vision Transformers").

N tokens that attention sees, D width, H heads, K = D / H features a head, P (N, D) the positions after their LayerNorm.

Each head is to read one neighbour of a patch. What it is to score, T (N, N), is 1000 where the key is that neighbour
and noise of std 1 elsewhere. P W_Q W_K^T P^T is nearest to T for W_Q W_K^T = P^+ T P^+^T; no more of P than its K
largest singular values is inverted, for a head has no more features. So a head can do it for all patches if there are
no more than K of them, and for some of them otherwise.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard, cast

from vit_lab.init.structured import Mimetic, factored
from vit_lab.model_config import TimesformerConfig, VitConfig
from vit_lab.places import Place

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vit_lab.init.given import Given
    from vit_lab.models.matrix import Matrix

# Where the neighbour of each head is, (rows down, columns right); a tenth head begins anew.
OFFSETS = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
IMPULSE = 1000.0
QK_NORM = 7.0  # of W_Q and of W_K of a head
POSITION_FACTOR = 18.0


class Impulse(Mimetic):
    """Queries and keys let each head read one neighbour of a 3 x 3 window; positions are made larger; else as mimetic.

    - A patch at the border has no key where its neighbour would lie beyond: there, T is noise alone, as such a row of a
      filter is empty in the authors' first release (arXiv 2404.01139). A class token is in no window.
    - Attention over the patches of all frames reads the neighbour in the same frame; positions in time, which tell
      frames apart there, are made larger as well. Attention over time sees no grid: it is as the scheme for others has
      it, and positions in time are then left alone.
    - The positions belong to the scheme, not to its matrices: they have no scale, and a control has the same.
    """

    summary = "each head attends to one neighbour of a patch; values and output as mimetic; all else as linear-default"
    source = "Zheng et al. 2025, arXiv 2505.19985"
    latex = (
        r"P\, W_Q^{(h)} W_K^{(h)\top} P^\top \propto T_h,\quad T_h = 1000 \text{ at one neighbour},\quad "
        r"\lVert W_Q^{(h)} \rVert_F = \lVert W_K^{(h)} \rVert_F = 7,\quad P = \mathrm{LN}(18\, p)"
    )
    made_for = "small data: a ViT that starts as a convolution does, with learned positions p"
    wants = (("position", "learned"), ("norm", "pre"))

    def settle(self, given: "Given") -> None:
        """The positions 18 times as large as other arms have them."""
        for position in _learned(given.model):
            position.mul_(POSITION_FACTOR)

    def _builds(self, place: Place) -> bool:
        return super()._builds(place) and place.part != "time"

    def _halves(self, given: "Given", q: "Matrix") -> "Iterator[tuple[Tensor, Tensor]]":
        inverse = pseudo_inverse(_seen(given.model), q.fans[0] // q.num_heads)
        for head in range(q.num_heads):
            target = given.more_normals(q, f"target {head}", (inverse.shape[1],) * 2)
            target[_neighbours(given.model, OFFSETS[head % len(OFFSETS)])] = IMPULSE
            w_q, w_k = factored(inverse @ target @ inverse.T, q.fans[0] // q.num_heads)
            yield QK_NORM * w_q / w_q.norm(), QK_NORM * w_k / w_k.norm()


def pseudo_inverse(positions: "Tensor", rank: int) -> "Tensor":
    """The pseudo-inverse of the matrix of a rank that is nearest to `positions`: (N, D) -> (D, N)."""
    import torch

    u, s, vt = torch.linalg.svd(positions, full_matrices=False)
    rank = min(rank, int((s > max(positions.shape) * torch.finfo(s.dtype).eps * s[0]).sum()))
    return vt[:rank].T / s[:rank] @ u[:, :rank].T


def neighbours(side: int, offset: tuple[int, int]) -> "tuple[Tensor, Tensor]":
    """Patches of a square grid, counted row by row, that have a neighbour at an offset, and those neighbours."""
    import torch

    patches = torch.arange(side * side).reshape(side, side)
    down, right = offset

    def part(down: int, right: int) -> "Tensor":
        return patches[max(down, 0) : side + min(down, 0), max(right, 0) : side + min(right, 0)].flatten()

    return part(-down, -right), part(down, right)


def _neighbours(model: "nn.Module | None", offset: tuple[int, int]) -> "tuple[Tensor, Tensor]":
    """The same among the tokens that attention in the model sees, in each frame if it sees several."""
    import torch

    c = _config(model)
    frames = c.num_frames if _sees_frames(c) else 1
    first = isinstance(c, VitConfig) and c.pool == "cls"
    starts = first + c.num_patches * torch.arange(frames)[:, None]
    queries, keys = neighbours(c.image_size // c.patch_size, offset)
    return (starts + queries).flatten(), (starts + keys).flatten()


def _seen(model: "nn.Module | None") -> "Tensor":
    """The positions of the tokens that attention in the model sees, set and normed: (N, D), float64."""
    import torch.nn.functional as F

    space, *time = [POSITION_FACTOR * position.double() for position in _learned(model)]
    positions = sum(time, start=space)  # (1, N, D), or (1, T, N, D) of patches in frames
    return F.layer_norm(positions, positions.shape[-1:]).flatten(0, -2)


def _learned(model: "nn.Module | None") -> "list[Tensor]":
    """The positions that the scheme sets."""
    assert model is not None
    names = ("position", "time_position") if _sees_frames(_config(model)) else ("position",)
    return [cast("Tensor", getattr(model, name)) for name in names]


def _sees_frames(c: VitConfig | TimesformerConfig) -> TypeGuard[TimesformerConfig]:
    return isinstance(c, TimesformerConfig) and c.space_time == "joint"


def _config(model: "nn.Module | None") -> VitConfig | TimesformerConfig:
    config = getattr(model, "config", None)
    assert isinstance(config, (VitConfig, TimesformerConfig)) and config.position == "learned"  # the config sees to it
    return config
