"""The preset `speedrun` on full MNIST: ten seeds, and the time that they take against `accurate`, on one core each.

All runs go through one queue over two workers, those of `accurate` spread among the others, so that both presets meet
the machine at the same moments. How the recipe was found: docs/speedrun.md.
"""

import statistics
import time
from typing import Any

from benchmarks.figures import Figure
from benchmarks.lab_of_its_own import lab
from vit_lab.config import RunConfig
from vit_lab.datasets import is_available
from vit_lab.presets import preset
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import NewRun, RunRecord
from vit_lab.runs.states import Status
from vit_lab.settings import configure

SEEDS, SHORT_EPOCHS, EVERY = 10, 2, 4  # one of `accurate` to so many seeds


def trained(manager: RunManager, runs: list[tuple[str, RunConfig]]) -> dict[str, list[RunRecord]]:
    """Runs by the name that each is given, once all have finished."""
    ids = manager.submit([NewRun(config, name, "speedrun") for name, config in runs])
    while any(run.is_active for run in manager.store.runs(ids)):
        if manager.problem:
            raise RuntimeError(manager.problem)
        time.sleep(1.0)
    found: dict[str, list[RunRecord]] = {}
    for run in manager.store.runs(ids):
        if run.status != Status.FINISHED:
            raise RuntimeError(f"{run.name} has {run.status}: {run.error}")
        found.setdefault(run.name, []).append(run)
    return found


def check_data() -> None:
    """Raise RuntimeError unless full MNIST is here."""
    if not is_available("mnist"):
        raise RuntimeError(
            "full MNIST is not here; fetch it with: python -m vit_lab train --dataset mnist --download --steps 1"
        )


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Test accuracy of seeds 0 to 9 of the whole and of the short recipe, and seconds over those of `accurate`."""
    check_data()
    recipe, runs = preset("speedrun"), []
    for seed in range(SEEDS):
        runs += [("whole", configure(recipe, seed=seed)), ("short", configure(recipe, seed=seed, epochs=SHORT_EPOCHS))]
        if seed % EVERY == 0:
            runs.append(("accurate", configure(preset("accurate"), seed=seed)))
    with lab(workers=2) as manager:
        found = trained(manager, runs)
    seconds = {name: statistics.mean(run.wall_seconds for run in found[name]) for name in found}
    accuracy = {name: [run.test_accuracy or 0.0 for run in found[name]] for name in found}
    figures = []
    for name, least, share in (("whole", 0.99, 1 / 2), ("short", 0.985, 1 / 6)):
        words = "speedrun" if name == "whole" else f"speedrun --epochs {SHORT_EPOCHS}"
        spread = f"{min(accuracy[name]):.4f} to {max(accuracy[name]):.4f}, seeds 0 to {SEEDS - 1}"
        note = f"{seconds[name]:.0f} s and {seconds['accurate']:.0f} s, both cores busy"
        figures += [
            Figure(f"{words}: test accuracy", statistics.mean(accuracy[name]), "", least, note=spread),
            Figure(f"{words}: time over that of accurate", seconds[name] / seconds["accurate"], "x", share, True, note),
        ]
    return figures, {"accuracy": accuracy, "seconds": seconds}
