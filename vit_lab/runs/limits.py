"""What one person may ask of the machine, in one place.

The person at the machine, in a shell or at a dashboard that answers to nobody else, is the HOST. In a class everybody
else is a visitor with an id of their own: their place in the queue is limited, and they change only their own runs.
"""

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.lineage import lineage
from vit_lab.model_config import FUSED_TOKENS
from vit_lab.models.size import num_parameters
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.settings import ConfigError, bounds
from vit_lab.training.cadence import PROBE_IMAGES

LOOK_COPIES, FEWEST_IMAGES = 4, 4  # of the weights: themselves, gradients, what probes make of them
MAP_WORK = 1.9e9  # numbers that all models of a map compute at width 64: some three seconds of a core
WEIGHT_WORK = 7  # an attention weight's work, in those of other numbers: it is made, and its entropy taken
HOST = ""  # the owner of the runs of whoever has the machine to themselves
MIB, GIB = 2**20, 2**30
SHARE, AT_ONCE = 0.8, 4  # of the machine's memory, for all steps at work; so many of them are large at the same moment
MEMORY_UNIT = " GiB of memory a step, about,"
MEMORY_REMEDY = "choose a smaller batch, fewer blocks or larger patches"

# What snapshots may take of the disk: those of one run, those of all together, and what they must leave free. A run of
# the default settings keeps 27 of 0.6 MB. Where they would be more, there are fewer of them (`vit_lab.runs.snapshots`).
SNAPSHOTS_OF_A_RUN, SNAPSHOTS_IN_ALL, LEFT_FREE = 32 * MIB, GIB, 256 * MIB


@dataclass(frozen=True)
class Limits:
    """How much one person may queue, and how large a single run may be. None: no limit."""

    runs: int | None  # of this person, at work at one time: queued, running or waiting for a learning rate
    queue: int | None  # runs of everybody together, at work at one time
    steps: int  # of one run, its epochs counted out
    dim: int
    depth: int
    memory_bytes: int  # what one step keeps for its gradient, about
    wall_seconds: float  # training time of one run; after it the run is stopped, with its checkpoint


HOST_LIMITS = Limits(
    runs=None,
    queue=None,
    steps=int(bounds("steps")[1]),
    dim=int(bounds("dim")[1]),
    depth=int(bounds("depth")[1]),
    memory_bytes=16 * GIB,
    wall_seconds=24 * 3600,
)
VISITOR_LIMITS = Limits(runs=120, queue=600, steps=20_000, dim=256, depth=12, memory_bytes=4 * GIB, wall_seconds=1800)


@cache
def machine_memory() -> int:
    """Bytes that all programs of this machine, or of this container, have together; 0 if that cannot be found out."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0
    with suppress(OSError, ValueError):  # "max": no limit
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return memory


def most_step_bytes(owner: str) -> float:
    """What one step of a run may take: as the limits say, and no more than its share of the machine."""
    machine = machine_memory()
    return min(limits_of(owner).memory_bytes, SHARE * machine / min(usable_cores(), AT_ONCE) if machine else math.inf)


def limits_of(owner: str) -> Limits:
    """The limits that hold for a person."""
    return VISITOR_LIMITS if owner else HOST_LIMITS


def may_change(visitor: str, owner: str) -> bool:
    """Whether a person may pause, stop, resume, rename or delete a run of that owner."""
    return visitor in (HOST, owner)


def queue_refusal(owner: str, new: int, theirs: int, everybodys: int) -> str | None:
    """Why `new` more runs cannot be queued beside those at work, as a sentence; None if they can."""
    most = limits_of(owner)
    if most.runs is not None and theirs + new > most.runs:
        return (
            f"that would be {theirs + new} of your runs at work, and {most.runs} is the most; "
            "wait for some to end, or stop some"
        )
    if most.queue is not None and everybodys + new > most.queue:
        return (
            f"there are {everybodys} runs at work already, and {most.queue} is the most that this machine queues; "
            "try again later"
        )
    return None


def too_long(owner: str) -> str:
    """What is said of a run that has trained for as long as its owner's runs may."""
    minutes = limits_of(owner).wall_seconds / 60
    return f"has trained for {minutes:,.0f} min, the longest that a run may; choose fewer steps or a smaller model"


def check_size(owner: str, configs: Sequence[RunConfig]) -> None:
    """Refuse a run that is too large for its owner. Raises ConfigError, which names the field."""
    most, memory_bytes = limits_of(owner), most_step_bytes(owner)
    for config in configs:
        steps = config.total_steps
        length = "epochs" if config.optim.epochs else "steps"
        memory = max(map(step_bytes, lineage(config)))
        for field, value, largest, unit, remedy in (
            (length, steps, most.steps, " steps", "choose less"),
            ("dim", config.model.dim, most.dim, "", "choose less"),
            ("depth", config.model.depth, most.depth, "", "choose less"),
            ("batch_size", round(memory / GIB, 1), round(memory_bytes / GIB, 1), MEMORY_UNIT, MEMORY_REMEDY),
        ):
            if value > largest:
                why = f"{value:,}{unit} is more than the {largest:,} that one run may have here"
                raise ConfigError(field, f"{why}; {remedy}")


def step_bytes(config: RunConfig) -> float:
    """About how much memory one step takes beside the weights: what autograd keeps, or what the probes look at."""
    kept, weights = _kept_numbers(config)
    if config.model.attention_dropout:
        kept += 4 * weights
    elif config.model.num_tokens < FUSED_TOKENS:  # torch's kernel for more, and `attend`, keep none to speak of
        kept += weights
    return 4.0 * max(config.optim.batch_size * config.model.depth * kept, PROBE_IMAGES * weights)


def look_bytes(config: RunConfig, images: int) -> float:
    """About how much memory a first look takes: a step of so many images, and all attention weights at once."""
    kept, weights = _kept_numbers(config)
    return 4.0 * (LOOK_COPIES * num_parameters(config.model) + images * config.model.depth * (kept + 4 * weights))


def data_bytes(config: RunConfig) -> int:
    """About how much memory a run's images take: all of the set, as they are published and as a model reads them.

    Clips and sequences are made when they are wanted, from little.
    """
    about = DATASETS[config.data.dataset]
    if about.examples != "images" or about.shape is None:
        return 0
    noisy = 4 * 4 if config.data.pixel_noise else 0  # the training images, the noise, once more as strong, and the sum
    return sum(about.sizes) * math.prod(about.shape) * (1 + 4 + noisy)


def look_images(config: RunConfig, memory: float) -> int:
    """How many images a first look can take with so much memory; 0 if there is not even room for a few."""
    base = look_bytes(config, 0)
    images = int((memory - base) / (look_bytes(config, 1) - base))
    return 0 if images < FEWEST_IMAGES else min(images, PROBE_IMAGES)


def map_images(configs: Sequence[RunConfig], memory: float) -> int:
    """How many images a map of so many configs looks at, in one process; 0 if there is no room or time for a few.

    As many as a first look if that takes seconds; fewer where models are deep or wide, or have many tokens.
    """
    work = 0.0
    for config in configs:
        kept, weights = _kept_numbers(config)
        work += config.model.depth * (kept + WEIGHT_WORK * weights) * max(1.0, config.model.dim / 64)
    images = min(*(look_images(config, memory) for config in configs), int(MAP_WORK / work))
    return 0 if images < FEWEST_IMAGES else images


def _kept_numbers(config: RunConfig) -> tuple[int, int]:
    """For one example and one block: how many numbers autograd keeps, and how many attention weights there are."""
    model = config.model
    tokens = model.num_tokens
    return tokens * (12 * model.dim + 3 * round(model.dim * model.mlp_ratio)), model.heads * tokens**2
