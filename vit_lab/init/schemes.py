"""The init schemes: one entry each, with how it draws, what variance it promises, and where it comes from.

A scheme draws all matrices of a model from their places and their uniforms. Most draw each weight by itself and are an
`Elementwise`: a distribution and a variance from the fans. A scheme that builds matrices of one another, or looks at
data, is a `Scheme` of its own. Torch is imported as a scheme draws, so a page can show a formula without it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vit_lab.config import InitConfig, SchemeName
from vit_lab.init.distributions import TRUNCATED_VARIANCE, Distribution
from vit_lab.places import Place

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.init.given import Given
    from vit_lab.models.matrix import Matrix

ALONE = Place(part="mlp", group="mlp", projection="up")  # a matrix that stands by itself counts as one of an MLP


class Scheme(ABC):
    """How the matrices of a model start. The scales of the config are the scheme's to apply, to the variance."""

    summary: str
    source: str
    needs_data = False

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


@dataclass(frozen=True)
class Elementwise(Scheme):
    """Each weight is a quantile of its own uniform, times sigma.

    sigma^2 follows from the fans of one projection and the init's settings.
    """

    distribution: Distribution
    formula: Callable[[InitConfig, int, int], float]
    summary: str
    source: str

    def sigma2(self, init: InitConfig, fan_in: int, fan_out: int) -> float:
        """The formula by itself, before truncation and scales."""
        return self.formula(init, fan_in, fan_out)

    def variance(self, init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int) -> float:
        """sigma^2 times the scales, less what truncation takes."""
        assert place.group is not None
        truncation = TRUNCATED_VARIANCE if self.distribution == "truncated" else 1
        return self.sigma2(init, fan_in, fan_out) * init.scale(place.group) * truncation

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
        return sigma * quantile(u, self.distribution)


GLOROT, HE = "Glorot & Bengio 2010, Eq. 16", "He et al. 2015, Eq. 10"
SCHEMES: dict[SchemeName, Scheme] = {
    "linear-default": Elementwise(
        "uniform", lambda _, fan_in, __: 1 / (3 * fan_in), summary="what nn.Linear does", source="torch.nn.Linear"
    ),
    "xavier": Elementwise("uniform", lambda _, fan_in, fan_out: 2 / (fan_in + fan_out), summary=GLOROT, source=GLOROT),
    "kaiming": Elementwise("normal", lambda _, fan_in, __: 2 / fan_in, summary=HE, source=HE),
    "vit": Elementwise(
        "truncated",
        lambda *_: 0.02**2,
        summary="std 0.02 whatever the width, cut at two std, as much Transformer code since BERT",
        source="Devlin et al. 2019, BERT's released code",
    ),
    "normal": Elementwise(
        "normal",
        lambda *_: 1.0,
        summary="variance 1 whatever the width; the scale is the variance",
        source="this lab",
    ),
}


def expected_variance(init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int = 1) -> float:
    """The variance that the config's scheme promises a weight; NaN where it has no formula."""
    return SCHEMES[init.scheme].variance(init, place, fan_in, fan_out, blocks)
