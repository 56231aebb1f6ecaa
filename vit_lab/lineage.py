"""What a run descends from: its parents, one behind another, as its config holds them (see `ForkConfig`)."""

from vit_lab.config import RunConfig

SEEN = ("dataset", "validation_size", "normalise", "pixel_noise")  # by which what validation looks at is another


def lineage(config: RunConfig) -> list[RunConfig]:
    """A run, its parent, and so on; the last goes on from nobody."""
    found = [config]
    while found[-1].fork:
        found.append(found[-1].fork.parent)
    return found


def maker_of(config: RunConfig, step: int) -> RunConfig:
    """By whose settings the update to a step was made: the run's own, or up to the step of its fork its parent's."""
    while config.fork and step <= config.fork.step:
        config = config.fork.parent
    return config


def is_judged_alike(config: RunConfig, other: RunConfig) -> bool:
    """Whether accuracies of both on validation are of the same examples."""
    return all(getattr(config.data, field) == getattr(other.data, field) for field in SEEN)
