"""Fair learning rates: one rate for two variances is a confound, so each arm can first pick its own.

Pilot runs from a seed of their own try a small grid that all arms share, and the one with the highest validation
accuracy at its last step wins. The runs proper wait for it. See docs/decisions/008.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vit_lab.config import RunConfig
from vit_lab.runs.experiments import Cell, Experiment
from vit_lab.runs.records import NewRun, RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.spelling import arm_label

PILOT_SEED = 2**31 - 1  # of no run proper, so that a pick cannot profit from a seed it is judged on
FACTORS = (0.1, 0.3, 1.0, 3.0)  # of the rate that is set: the grid
EARLIER_FACTORS = (0.3, 1.0, 3.0, 10.0, 30.0)  # of experiments with SGD, when it was set to the rate of AdamW


def rate_grid(config: RunConfig) -> list[float]:
    """The learning rates that every arm tries, around the one that is set."""
    return [float(f"{config.optim.learning_rate * factor:.6g}") for factor in FACTORS]


def grid_centre(experiment: Experiment, cell: Cell) -> float | None:
    """The rate around which the pilots of an (arm, condition) were laid; None where it had none."""
    tried = sorted({run.config.optim.learning_rate for run in experiment.pilots_by_cell.get(cell, ())})
    if not tried:
        return None
    factors = EARLIER_FACTORS if len(tried) == len(EARLIER_FACTORS) else FACTORS
    return float(f"{tried[0] / factors[0]:.6g}")


def pilots(experiment: str, configs: Mapping[Cell, RunConfig], rates: Sequence[float] = ()) -> list[NewRun]:
    """The runs that try some rates, by default those of the grid, for each (arm, condition)."""
    runs = []
    for (arm, condition), config in configs.items():
        for rate in rates or rate_grid(config):
            pilot = configure(config, seed=PILOT_SEED, learning_rate=rate)
            name = f"pilot of {arm_label(config.init)}, rate {rate:g}"
            runs.append(NewRun(pilot, name, experiment, arm, condition, pilot=True))
    return runs


@dataclass(frozen=True)
class Pick:
    """The learning rate that an arm's pilots picked. At the edge of the grid a better one may lie beyond."""

    rate: float
    val_accuracy: float | None
    at_edge: bool


def pick_rate(pilot_runs: Iterable[RunRecord]) -> Pick | None:
    """The rate with the highest validation accuracy at the last step, the lower of two equals.

    None while a pilot has not ended. A diverged pilot loses against every other; if all diverged, the lowest rate is
    taken, and its runs will say what comes of it.
    """
    runs = sorted(pilot_runs, key=lambda run: run.config.optim.learning_rate)
    if not runs or not all(run.has_ended for run in runs):
        return None
    scores = [run.val_accuracy if run.status == Status.FINISHED else None for run in runs]
    best = max(range(len(runs)), key=lambda i: (-1.0 if scores[i] is None else scores[i], -i))
    return Pick(runs[best].config.optim.learning_rate, scores[best], best in (0, len(runs) - 1))


def picks(experiment: Experiment) -> dict[Cell, Pick | None]:
    """What the pilots of each (arm, condition) have picked; None where they are still at it, or one cannot be read."""
    torn = {(run.arm, run.condition) for run in experiment.unreadable if run.pilot}
    picked = {cell: pick_rate(tried) for cell, tried in experiment.pilots_by_cell.items()}
    return picked | dict.fromkeys(torn)


def release(store: Store, experiment_id: str) -> None:
    """Queue the runs whose arms have all picked their rate, with that rate, so that pairs still train together."""
    experiment = Experiment.read(store, experiment_id)
    picked = picks(experiment)
    undecided = {condition for (_, condition), pick in picked.items() if pick is None}
    for run in experiment.proper:
        pick = picked.get((run.arm, run.condition))
        if run.status == Status.WAITING and pick and run.condition not in undecided:
            store.release(run.id, configure(run.config, learning_rate=pick.rate))
