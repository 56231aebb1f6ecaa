"""The bins of the histograms of weights: the same for every run, so that arms overlay honestly.

Without torch, so that a page can draw them.
"""

import math

# Edges are evenly spaced in symlog(w) = sign(w) log(1 + |w| / CONSTANT): fine near 0, where a std of 0.02 lives, and
# wide enough for 30.
CONSTANT = 0.01
BINS = 160
RANGE = 8.0


def histogram_edges() -> list[float]:
    """The BINS + 1 edges, in units of a weight. Weights beyond the outermost count to the last bin."""
    positions = [RANGE * (2 * place / BINS - 1) for place in range(BINS + 1)]
    return [math.copysign(CONSTANT * math.expm1(abs(position)), position) for position in positions]
