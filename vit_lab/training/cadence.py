"""When a run measures itself, and on how much: often enough for a live chart, seldom enough to cost little."""

from collections.abc import Sequence

STEP_EVENTS, EVALUATIONS, PROBES = 250, 12, 16  # how many of each, about, in a run
PROBE_IMAGES = 64  # what probes look at: the first of the validation split, or as many clips or sequences


def is_due(step: int, total_steps: int, times: int) -> bool:
    """Whether an evenly spaced series of about `times` moments over the run, both ends included, has one here."""
    return step == total_steps or step % max(1, total_steps // times) == 0


def is_power_of_two(step: int) -> bool:
    """1, 2, 4, 8, ...: early training changes fast, so it is looked at on a logarithmic scale."""
    return step > 0 and step & (step - 1) == 0


def probe_steps(total_steps: int, times: int) -> list[int]:
    """The steps of a run at which it is probed, in order: those that are due, and the powers of two."""
    due = range(0, total_steps + 1, max(1, total_steps // times))
    powers = (2**power for power in range(total_steps.bit_length()))
    return sorted({*due, *powers, total_steps})


def thinned(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of some steps, spread evenly over their order, the last among them."""
    count = min(most, len(steps))
    return [steps[-1 - place * len(steps) // count] for place in range(count)][::-1]
