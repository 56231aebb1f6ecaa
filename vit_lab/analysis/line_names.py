"""Where the names of lines stand beside their ends, so that none lies on another."""

from collections.abc import Mapping
from typing import TypeVar

Arm = TypeVar("Arm")


def apart(places: Mapping[Arm, float], gap: float, *, downwards: bool = False) -> dict[Arm, float]:
    """The places on an axis, moved up, or down, until any two of them are `gap` apart.

    Their order stays, so that the name of the upper line is the upper one. None is moved below 0: rather are all moved
    up, unless some of them are negative.
    """
    sign = -1 if downwards else 1
    found: dict[Arm, float] = {}
    last = None
    for arm, place in sorted(places.items(), key=lambda one: sign * one[1]):
        last = place if last is None else sign * max(sign * place, sign * last + gap)
        found[arm] = last
    lift = min(found.values(), default=0.0)
    return {arm: place - lift for arm, place in found.items()} if lift < 0 <= min(places.values()) else found


def beyond(spans: Mapping[Arm, tuple[float, float]], gap: float, *, downwards: bool = False) -> dict[Arm, float]:
    """The nearest place above what each line spans, or below, that is `gap` from what all lines span."""
    found = {}
    for arm, (low, high) in spans.items():
        place = low - gap if downwards else high + gap
        while inside := [one for one in spans.values() if one[0] - gap < place < one[1] + gap]:
            place = min(one[0] for one in inside) - gap if downwards else max(one[1] for one in inside) + gap
        found[arm] = place
    return found
