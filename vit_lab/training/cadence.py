"""When a run measures itself, and on how much: often enough for a live chart, seldom enough to cost little."""

PROBE_IMAGES = 64  # what probes look at: the first of the validation split, or as many clips or sequences


def is_due(step: int, total_steps: int, times: int) -> bool:
    """Whether an evenly spaced series of about `times` moments over the run, both ends included, has one here."""
    return step == total_steps or step % max(1, total_steps // times) == 0


def is_power_of_two(step: int) -> bool:
    """1, 2, 4, 8, ...: early training changes fast, so it is looked at on a logarithmic scale."""
    return step > 0 and step & (step - 1) == 0
