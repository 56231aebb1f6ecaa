"""The shapes that weights are drawn from, and what truncation takes of a variance. Without torch."""

from statistics import NormalDist
from typing import Literal

Distribution = Literal["uniform", "normal", "truncated"]

CDF_AT_2 = NormalDist().cdf(2)
# Variance of a standard normal truncated at +-2: 1 - 2 * 2 * pdf(2) / (cdf(2) - cdf(-2)).
TRUNCATED_VARIANCE = 1 - 4 * NormalDist().pdf(2) / (2 * CDF_AT_2 - 1)
