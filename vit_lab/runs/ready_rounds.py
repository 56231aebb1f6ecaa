"""Rounds that are ready to be opened: a question, a pair, and what a class takes away.

What was measured of them stands in a table, docs/findings/ready-rounds.csv; of a round without a line there, nothing is
said. docs/teaching.md tells it to teachers, and a test holds both to the runs.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.presets import preset
from vit_lab.settings import configure
from vit_lab.spelling import parse_arm


@dataclass(frozen=True)
class ReadyRound:
    """A named round. `base` are settings of its preset that are changed, `arms` are spelled as in a shell."""

    title: str
    question: str
    arms: tuple[str, str]
    takeaways: tuple[str, str, str]
    preset: str = "classroom"
    base: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def configs(self) -> tuple[RunConfig, RunConfig]:
        """The two arms."""
        base = configure(preset(self.preset), **self.base)
        one, other = (configure(base, **parse_arm(spec)) for spec in self.arms)
        return one, other


@dataclass(frozen=True)
class Outcome:
    """What a ready round came to over some seeds: by how many points the second arm was ahead, with its interval."""

    pairs: int
    mean: float
    low: float
    high: float


ONE_PAIR = (
    "One pair is a demonstration. Seeds differ by several points, so a class of pairs and an interval say more than "
    "the best of them."
)
READY: dict[str, ReadyRound] = {
    "variance": ReadyRound(
        title="Small against large variance",
        question="A starts with small weights, B with large ones. Which twin is ahead after 150 steps on 1,000 digits, "
        "and by how many points?",
        arms=("linear-default:0.01", "linear-default:30"),
        base={"train_size": 1_000, "steps": 150},
        takeaways=(
            "The variance of the initial weights decides how large the signal is on its way through the network, and "
            "where attention looks at first.",
            "Both twins of a pair start from the same random numbers and see the same digits in the same order: what "
            "differs in the end comes from the scale of their weights.",
            ONE_PAIR,
        ),
    ),
    "positions": ReadyRound(
        title="With and without positions",
        question="A is never told where its patches lie in the image, B is. Which twin is ahead after 150 steps on "
        "1,000 digits, and by how many points?",
        arms=("linear-default,position=none", "linear-default"),
        base={"train_size": 1_000, "steps": 150},
        takeaways=(
            "Attention takes its tokens as a set: without positions, a digit whose patches are shuffled looks the same "
            "to the network.",
            "A twin without positions can still tell digits by which patches there are. The question is how far that "
            "goes, and this is what the pairs measure.",
            ONE_PAIR,
        ),
    ),
    "space-time": ReadyRound(
        title="A clip and its reverse",
        question="A looks at the patches of each frame by itself, B also along time. Which twin tells better which way "
        "the digit moves after 100 steps, and by how many points?",
        arms=("xavier,space_time=space", "xavier,space_time=divided"),
        preset="moving-digits",
        base={"steps": 100},
        takeaways=(
            "A clip and its reverse have the same frames. Who looks at each frame by itself cannot tell them apart.",
            "Divided attention looks along time at one place, then across space in one frame: far fewer pairs of "
            "tokens than attention over everything.",
            "What A cannot do follows from how it is built, and holds for every seed. How much B has learned after so "
            "few steps does not: it differs widely from seed to seed.",
        ),
    ),
}


def table() -> Path:
    """The file of what was measured."""
    return paths.top() / "docs" / "findings" / "ready-rounds.csv"


def measured(file: Path | None = None) -> dict[str, Outcome]:
    """What is known of ready rounds by name, from lines of round, pairs, mean, low, high; nothing of all others."""
    try:
        with (file or table()).open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("round") in READY]
    except OSError:
        return {}
    return {
        row["round"]: Outcome(int(row["pairs"]), *(float(row[end]) for end in ("mean", "low", "high"))) for row in rows
    }


def ready_for(arms: tuple[RunConfig, ...]) -> ReadyRound | None:
    """The ready round that compares just these arms, whatever their seed."""
    seedless = tuple(arm.seedless for arm in arms)
    return next((ready for ready in READY.values() if ready.configs == seedless), None)
