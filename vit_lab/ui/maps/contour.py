"""Where a quantity that is known on a grid passes 1, as pieces of a line."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

Point = tuple[float, float]


def contour(
    values: Mapping[Point, float], columns: Sequence[float], rows: Sequence[float]
) -> Iterator[tuple[Point, Point]]:
    """The line along which positive values pass 1, as straight pieces from point to point.

    All is read on logarithmic axes: between neighbours, log value is linear in log x and log y. Each square of the grid
    is cut into two triangles, and a piece runs where two sides of one are crossed. Values that are no numbers end it.
    """
    for (left, right), (low, high) in product(pairwise(columns), pairwise(rows)):
        for corner in ((right, low), (left, high)):
            sides = ((left, low), corner), (corner, (right, high)), ((left, low), (right, high))
            crossings = [point for a, b in sides if (point := _crossing(a, values[a], b, values[b])) is not None]
            if len(crossings) == 2:
                yield crossings[0], crossings[1]


def _crossing(a: Point, value_a: float, b: Point, value_b: float) -> Point | None:
    if not (math.isfinite(value_a) and math.isfinite(value_b)) or min(value_a, value_b) <= 0:
        return None
    if (value_a < 1) == (value_b < 1):
        return None
    share = math.log(value_a) / (math.log(value_a) - math.log(value_b))
    x, y = (math.exp((1 - share) * math.log(one) + share * math.log(other)) for one, other in zip(a, b, strict=True))
    return x, y
