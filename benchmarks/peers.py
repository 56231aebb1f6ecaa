"""One arm of the lab against the usual training loop around two well-known ViTs, and what watching a run costs.

The contenders are processes that take turns of a second (see `benchmarks.in_turn`), until the lab's run has ended.
"""

from typing import Any

from benchmarks.contenders import SIZES
from benchmarks.figures import Figure
from benchmarks.in_turn import contenders, rounds

NAMES = ("lab", "simple", "timm", "simple-bare", "timm-bare", "lab-bare")
GOALS = {"vit-notes": 1.6, "classroom": 1.3}
MOST_ROUNDS = 90


def measure(*sizes: str) -> tuple[list[Figure], dict[str, Any]]:
    """Images a second of all contenders at some sizes, by default at both."""
    figures, details = [], {}
    for size in sizes or SIZES:
        with contenders(NAMES, size) as taking_part:
            rounds(taking_part, MOST_ROUNDS)
            speed = {one.name: 128 * one.steps_per_second for one in taking_part}
            turns = len(taking_part[0].turns)
        details[size] = {name: round(images) for name, images in speed.items()}
        usual, bare = max(speed["simple"], speed["timm"]), max(speed["simple-bare"], speed["timm-bare"])
        note = f"{speed['lab']:,.0f} images/s; {turns} turns of a second each"
        figures += [
            Figure(f"{size}: lab over the faster usual loop", speed["lab"] / usual, "x", GOALS[size], note=note),
            Figure(
                f"{size}: lab over the faster bare step", speed["lab"] / bare, "x", 1.0, note=f"{bare:,.0f} images/s"
            ),
            Figure(
                f"{size}: all that is not the step",
                speed["lab-bare"] / speed["lab"] - 1,
                "of the step",
                note="data, metrics, evaluations, probes, store, checkpoints",
            ),
        ]
    return figures, details
