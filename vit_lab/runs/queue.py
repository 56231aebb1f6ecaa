"""A fair queue: visitors take turns, and within a visitor the first to come is the first served.

A turn is one run, or, so that what is compared trains side by side, the arms of one seed of an experiment.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What the queue needs to know of a run. `turn` is 0 until it is claimed, and then the number of that claim."""

    id: str
    number: int
    owner: str
    experiment: str
    condition: int
    arm: int
    pilot: int
    turn: int


def in_turn(queued: Sequence[Place], last: Place | None, turns: Mapping[str, int]) -> Iterator[Place]:
    """Queued runs in the order in which they will be claimed.

    `last` is the run claimed last, and `turns` the latest claim of each owner that has had one.
    """
    lines: dict[str, deque[Place]] = {}
    for place in sorted(queued, key=lambda place: place.number):
        lines.setdefault(place.owner, deque()).append(place)
    latest = dict(turns)
    now = max(latest.values(), default=0)
    while lines:
        if last and last.owner in lines and same_turn(last, lines[last.owner][0]):
            owner = last.owner
        else:
            owner = min(lines, key=lambda one: (latest.get(one, 0), lines[one][0].number))
        last = lines[owner].popleft()
        now += 1
        latest[owner] = now
        if not lines[owner]:
            del lines[owner]
        yield last


def same_turn(last: Place, following: Place) -> bool:
    """Whether a run is a further arm of the seed that its owner's last run began."""
    return (
        (following.owner, following.experiment, following.condition) == (last.owner, last.experiment, last.condition)
        and following.arm > last.arm
        and not following.pilot
    )
