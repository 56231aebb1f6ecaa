"""Schemes that build a matrix as a whole, build matrices of one another, or look at data.

D width, H heads, K = D / H features a head. Matrices stand here as they are applied to row vectors, q = x W_Q, and are
given back as torch keeps them, (fan_out, fan_in). They are built of Gaussian matrices Z, which follow from the seed and
the matrix's name: where one is of the matrix's shape, of the uniforms that any other scheme draws from.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vit_lab.config import InitConfig
from vit_lab.init.scheme import Elementwise, Scheme
from vit_lab.places import Place

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.init.given import Given
    from vit_lab.models.matrix import Matrix

LSUV_ROUNDS, LSUV_TOLERANCE = 5, 0.01
QK_NOISE, QK_IDENTITY = 0.7, 0.7  # Trockman & Kolter 2023, Sec. 4: alpha_1 and beta_1
VO_NOISE, VO_IDENTITY = 0.4, -0.4  # alpha_2 and beta_2, which has a minus in front


class Orthogonal(Scheme):
    """Semi-orthogonal matrices: Q of the QR decomposition of Z, the signs such that R has a positive diagonal."""

    summary = "every projection keeps lengths and angles, as far as its shape allows"
    source = "Saxe et al. 2014, Sec. 3"
    latex = r"Z = Q R,\ R_{ii} > 0;\quad W = Q"
    made_for = "deep plain networks, which it lets the signal pass without growing or dying"

    def draw(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """One matrix after the other, times the root of its scale."""
        for matrix in given.matrices:
            yield matrix, math.sqrt(given.init.scale(matrix.group)) * _orthogonal(given.normals(matrix))


class Mimetic(Scheme):
    """Attention that starts as it ends in trained models: W_Q W_K^T near the identity, W_V W_O near its negative."""

    summary = "W_Q W_K^T is near 0.7 I, W_V W_O near -0.4 I, as in trained models; all else as linear-default"
    source = "Trockman & Kolter 2023, Sec. 4, arXiv 2305.09828"
    latex = (
        r"W_Q^{(h)} W_K^{(h)\top} \approx \tfrac{0.7}{\sqrt{D}} Z_h + 0.7\, I,\quad "
        r"W_V W_O \approx \tfrac{0.4}{\sqrt{D}} Z - 0.4\, I"
    )
    made_for = "small data, with fixed sinusoidal positions"
    wants: tuple[tuple[str, Any], ...] = (("position", "sinusoidal"),)

    def __init__(self, others: Elementwise):
        self._others = others

    def draw(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """Queries with keys, head by head, and values with output; the rest by the scheme for others."""
        others = [matrix for matrix in given.matrices if not self._builds(matrix.place)]
        yield from self._others.draw(replace(given, matrices=others))
        for matrices in _attentions(matrix for matrix in given.matrices if self._builds(matrix.place)):
            yield from self._queries_and_keys(given, matrices["q"], matrices["k"])
            yield from self._values_and_output(given, matrices["v"], matrices["out"])

    def variance(self, init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int) -> float:
        """That of the scheme for others; none is promised of a matrix of attention."""
        return math.nan if self._builds(place) else self._others.variance(init, place, fan_in, fan_out, blocks)

    def draw_biases(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """By the scheme for others."""
        yield from self._others.draw_biases(given)

    def _builds(self, place: Place) -> bool:
        """Whether a matrix is of an attention that it builds, and not left to the scheme for others."""
        return place.group in ("qk", "vo") and place.projection != "project"

    def _queries_and_keys(self, given: "Given", q: "Matrix", k: "Matrix") -> "Iterator[tuple[Matrix, Tensor]]":
        import torch

        halves = list(self._halves(given, q))
        scale = math.sqrt(given.init.scale(q.group))
        yield q, scale * torch.cat([w_q.T for w_q, _ in halves])
        yield k, scale * torch.cat([w_k.T for _, w_k in halves])

    def _halves(self, given: "Given", q: "Matrix") -> "Iterator[tuple[Tensor, Tensor]]":
        """W_Q and W_K of each head: (D, K) both."""
        import torch

        width, heads = q.fans[0], q.num_heads
        for head in range(heads):
            z = given.more_normals(q, f"head {head}", (width, width))
            target = QK_NOISE / math.sqrt(width) * z + QK_IDENTITY * torch.eye(width, dtype=z.dtype)
            yield factored(target, width // heads)

    def _values_and_output(self, given: "Given", v: "Matrix", out: "Matrix") -> "Iterator[tuple[Matrix, Tensor]]":
        import torch

        width = v.fans[0]
        z = given.normals(v)
        target = VO_NOISE / math.sqrt(width) * z + VO_IDENTITY * torch.eye(width, dtype=z.dtype)
        w_v, w_o = factored(target, width)
        scale = math.sqrt(given.init.scale(v.group))
        yield v, scale * w_v.T
        yield out, scale * w_o


class Lsuv(Orthogonal):
    """Orthogonal first; then each matrix, from the first to the last, is scaled until its output has a std of 1."""

    summary = "orthogonal, then each matrix is scaled until its output on one batch has a std of 1"
    source = "Mishkin & Matas 2016, Algorithm 1, arXiv 1511.06422"
    latex = r"W \leftarrow W \,/\, \mathrm{std}(x W)\quad\text{until}\quad |\mathrm{std}(x W) - 1| < 0.01"
    made_for = "deep networks without normalisation"
    needs_data = True

    def settle(self, given: "Given") -> None:
        """In the order in which data meets the matrices; the scales and the residual rule set what std is wanted."""
        from vit_lab.init.outputs import output_of

        assert given.model is not None and given.batch is not None
        for matrix in given.matrices:
            wanted = given.factor(matrix) * math.sqrt(given.init.scale(matrix.group))
            for _ in range(LSUV_ROUNDS if wanted else 0):
                found = float(output_of(given.model, given.batch, matrix).double().std()) / wanted
                if abs(found - 1) < LSUV_TOLERANCE or not 0 < found < math.inf:
                    break
                matrix.weight.div_(found)


def factored(target: "Tensor", rank: int) -> "tuple[Tensor, Tensor]":
    """Two matrices (D, rank) and (D, rank) whose product, the second transposed, is nearest to (D, D) `target`.

    target = U S V^T; the halves are U sqrt(S) and V sqrt(S), cut to the largest singular values (Eckart & Young 1936).
    """
    import torch

    u, s, vt = torch.linalg.svd(target)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, vt[:rank].T * root


def _orthogonal(z: "Tensor") -> "Tensor":
    import torch

    is_wide = z.shape[0] < z.shape[1]
    q, r = torch.linalg.qr(z.T if is_wide else z)
    q = q * r.diagonal().sign()
    return q.T if is_wide else q


def _attentions(matrices: "Iterable[Matrix]") -> "list[Mapping[str, Matrix]]":
    """The four matrices of each attention, by their projection."""
    found: dict[Place, dict[str, Matrix]] = {}
    for matrix in matrices:
        found.setdefault(matrix.place.whole_part, {})[str(matrix.place.projection)] = matrix
    return list(found.values())
