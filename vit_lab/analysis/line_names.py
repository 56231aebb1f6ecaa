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
