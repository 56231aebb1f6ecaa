"""What a benchmark says: figures with their goals, printed as a table and kept as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import history
from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results"
LATEST = RESULTS / "latest.json"


@dataclass(frozen=True)
class Figure:
    """One measured number. `goal` is a least value, or a largest one if `at_most`; without a goal it is information.

    `ratio` is how far the goal is reached, 1 or more where it is; `note` says what was measured, over how many rounds.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    note: str = ""
    ratio: float | None = field(init=False)

    def __post_init__(self) -> None:
        reached = None
        if self.goal is not None:
            better, worse = (self.goal, self.value) if self.at_most else (self.value, self.goal)
            reached = better / worse if worse else float("inf")
        object.__setattr__(self, "ratio", reached)


def keep(name: str, figures: Sequence[Figure], details: dict[str, Any], *, latest: bool = True) -> None:
    """Add the figures of one benchmark to their history, and put them into latest.json beside those of the others."""
    RESULTS.mkdir(exist_ok=True)
    kept = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    kept[name] = {"machine": machine(), "figures": [asdict(figure) for figure in figures], "details": details}
    history.add(name, kept[name]["machine"], kept[name]["figures"])
    if latest:
        LATEST.write_text(json.dumps(dict(sorted(kept.items())), indent=2, ensure_ascii=False) + "\n")


def show(name: str, figures: Sequence[Figure]) -> None:
    """Print goal, figure and ratio of one benchmark."""
    table = Table("figure", "goal", "measured", "of goal", "note", title=name, title_justify="left", expand=False)
    for figure in figures:
        sign = "≤" if figure.at_most else "≥"
        goal = "–" if figure.goal is None else f"{sign} {figure.goal:g} {figure.unit}"
        ratio = "–" if figure.ratio is None else f"{figure.ratio:.2f}{'' if figure.ratio >= 1 else ' missed'}"
        table.add_row(figure.what, goal, f"{figure.value:,.4g} {figure.unit}", ratio, figure.note)
    Console(width=150).print(table)
