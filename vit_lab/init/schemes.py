"""The init schemes as a table: a distribution, and the variance of a weight from its matrix's fans.

No tensors here, so a page can show a variance before torch is loaded. `vit_lab.init` draws the weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from vit_lab.config import GroupName, InitConfig, SchemeName

Distribution = Literal["uniform", "normal", "truncated"]

CDF_AT_2 = NormalDist().cdf(2)
# Variance of a standard normal truncated at +-2: 1 - 2 * 2 * pdf(2) / (cdf(2) - cdf(-2)).
TRUNCATED_VARIANCE = 1 - 4 * NormalDist().pdf(2) / (2 * CDF_AT_2 - 1)


@dataclass(frozen=True)
class Scheme:
    """A distribution and its variance (before truncation) from the fans of one projection."""

    distribution: Distribution
    variance: Callable[[int, int], float]
    summary: str


SCHEMES: dict[SchemeName, Scheme] = {
    "linear-default": Scheme("uniform", lambda fan_in, _: 1 / (3 * fan_in), "what nn.Linear does"),
    "xavier": Scheme("uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out), "Glorot & Bengio 2010, Eq. 16"),
    "kaiming": Scheme("normal", lambda fan_in, _: 2 / fan_in, "He et al. 2015, Eq. 10"),
    "vit": Scheme(
        "truncated",
        lambda *_: 0.02**2,
        "std 0.02 whatever the width, cut at two std, as much Transformer code since BERT",
    ),
    "normal": Scheme("normal", lambda *_: 1.0, "variance 1 whatever the width; the scale is the variance"),
}


def variance_before_truncation(init: InitConfig, group: GroupName, fan_in: int, fan_out: int) -> float:
    """The sigma^2 of a weight that the config asks for."""
    return SCHEMES[init.scheme].variance(fan_in, fan_out) * init.scale(group)


def expected_variance(init: InitConfig, group: GroupName, fan_in: int, fan_out: int) -> float:
    """The variance that a weight has: sigma^2, less what truncation takes."""
    truncated = SCHEMES[init.scheme].distribution == "truncated"
    return variance_before_truncation(init, group, fan_in, fan_out) * (TRUNCATED_VARIANCE if truncated else 1)
