"""What a scheme is, and the kind that most are: each weight drawn by itself.

Torch is imported as a scheme draws, so a page can show a formula without it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vit_lab.config import InitConfig
from vit_lab.init.distributions import TRUNCATED_VARIANCE, Distribution
from vit_lab.places import Place

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.init.given import Given
    from vit_lab.models.matrix import Matrix


class Scheme(ABC):
    """How the matrices of a model start. The scales of the config are the scheme's to apply, to the variance.

    Attributes:
        summary: what it does, in half a sentence.
        source: the paper, and the place in it.
        latex: its formula, for a page.
        made_for: what its authors had in mind, in half a sentence.
        wants: settings of a run that it was made for, (name, value) each.
        needs_data: whether it looks at a batch.
    """

    summary: str
    source: str
    latex: str = ""
    made_for: str = ""
    wants: tuple[tuple[str, Any], ...] = ()
    needs_data = False

    @property
    def is_alike(self) -> bool:
        """Whether one formula holds for the matrices of all places."""
        return False

    @abstractmethod
    def draw(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """The weights of every matrix, (fan_out, fan_in). Several matrices may be drawn together, in any order."""

    def draw_biases(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """The biases, (fan_out,), for a config that asks the scheme for them; those left out start at 0."""
        yield from ()

    def settle(self, given: "Given") -> None:  # noqa: B027, for most have nothing left to do
        """Change what was drawn once all of it is in place: for positions, and for what needs a batch of data.

        The residual rule has acted by then, so that measures see the model as it will start; `given.factor` tells it.
        """

    def sigma2(self, init: InitConfig, fan_in: int, fan_out: int) -> float:
        """The formula by itself, before truncation and scales; NaN where there is none."""
        return math.nan

    def variance(self, init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int) -> float:
        """The variance that a weight of a matrix has, scales included; NaN where no formula promises one."""
        return math.nan


def anywhere(place: Place, blocks: int) -> float:
    """The factor of a scheme that treats all matrices alike."""
    return 1.0


@dataclass(frozen=True)
class Elementwise(Scheme):
    """Each weight is a quantile of its own uniform, times sigma.

    sigma^2 follows from the fans of one projection and the init's settings; `factor` is one more on sigma, by the
    place of the matrix and the number of blocks.
    """

    distribution: Distribution
    formula: Callable[[InitConfig, int, int], float]
    summary: str
    source: str
    latex: str = ""
    made_for: str = ""
    factor: Callable[[Place, int], float] = anywhere
    wants: tuple[tuple[str, Any], ...] = ()

    @property
    def is_alike(self) -> bool:
        """Unless it has a factor by place."""
        return self.factor is anywhere

    def sigma2(self, init: InitConfig, fan_in: int, fan_out: int) -> float:
        """The formula by itself, before truncation and scales."""
        return self.formula(init, fan_in, fan_out)

    def variance(self, init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int) -> float:
        """sigma^2 times the scales and the factor of the place, less what truncation takes."""
        assert place.group is not None
        truncation = TRUNCATED_VARIANCE if self.distribution == "truncated" else 1
        factor = init.scale(place.group) * self.factor(place, blocks) ** 2
        return self.sigma2(init, fan_in, fan_out) * factor * truncation

    def draw(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """One matrix after the other."""
        for matrix in given.matrices:
            yield matrix, self._weights(given, matrix, given.uniforms(matrix))

    def draw_biases(self, given: "Given") -> "Iterator[tuple[Matrix, Tensor]]":
        """As nn.Linear does for its own: a bias is drawn as one more weight of its row."""
        for matrix in given.matrices:
            if matrix.bias is not None:
                yield matrix, self._weights(given, matrix, given.bias_uniforms(matrix))

    def _weights(self, given: "Given", matrix: "Matrix", u: "Tensor") -> "Tensor":
        from vit_lab.init.quantiles import quantile

        sigma = math.sqrt(self.sigma2(given.init, *matrix.fans) * given.init.scale(matrix.group))
        return sigma * self.factor(matrix.place, given.blocks) * quantile(u, self.distribution)
