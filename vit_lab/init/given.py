"""What a scheme is given to draw from: the matrices with their places, and for each its own uniforms."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_lab.config import InitConfig
from vit_lab.init.quantiles import uniforms
from vit_lab.init.residual import Rule, plain
from vit_lab.models.matrix import Matrix


@dataclass(frozen=True, kw_only=True)
class Given:
    """Matrices to be drawn, in the order in which data meets them, and all that may decide how.

    `blocks` is how many, L, a stack has. D, H and K follow from a matrix's fans and number of heads. Where matrices
    stand alone, as in a lesson, there is no model; `batch` is for schemes that look at data, as the model takes it.
    What a scheme draws is held back by `rule` as it is put in place; whoever changes it later keeps to `factor`.
    """

    matrices: Sequence[Matrix]
    init: InitConfig
    seed: int
    blocks: int = 1
    model: nn.Module | None = None
    batch: Tensor | None = None
    rule: Rule = plain

    def factor(self, matrix: Matrix) -> float:
        """What the residual rule multiplies a matrix by. One of 0 stays 0: there is nothing to measure or to settle."""
        return self.rule(matrix.place)

    def uniforms(self, matrix: Matrix) -> Tensor:
        """The matrix's own draw, the same whatever the scheme: (fan_out, fan_in), float64 in (0, 1)."""
        return uniforms(matrix.weight.shape, self.seed, matrix.name)

    def normals(self, matrix: Matrix) -> Tensor:
        """The same draw as a standard Gaussian Z: (fan_out, fan_in), float64."""
        return torch.special.ndtri(self.uniforms(matrix))

    def more_normals(self, matrix: Matrix, what: str, shape: tuple[int, ...]) -> Tensor:
        """A further draw that goes with a matrix, for schemes that need more numbers than it has: float64."""
        return torch.special.ndtri(uniforms(torch.Size(shape), self.seed, f"{matrix.name} {what}"))

    def bias_uniforms(self, matrix: Matrix) -> Tensor:
        """The draw of the matrix's biases: (fan_out,), float64 in (0, 1)."""
        return uniforms(matrix.weight.shape[:1], self.seed, f"{matrix.name}.bias")
