"""Experiments: arms x conditions x seeds, queued so that the runs of a pair finish together.

One learning rate for two variances is a confound. With `fair_rate`, each arm first picks its rate: pilot runs from a
seed of their own try a small grid that all arms share, and the one with the highest validation accuracy at its last
step wins. The runs proper wait for it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from vit_lab.config import InitConfig, RunConfig
from vit_lab.runs.records import Kind, NewRun, RunRecord, arm_label, run_name
from vit_lab.runs.states import ENDED, Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure

RATE_FACTORS = (0.1, 0.3, 1.0, 3.0)  # the grid, in multiples of the rate that is set
PILOT_SEED = 2**31 - 1  # of no run proper, so that a pick cannot profit from a seed it is judged on


@dataclass(frozen=True)
class Plan:
    """What an experiment consists of. A condition is a set of settings that holds for all arms, such as {"train_size": 200}.

    The seeds of the `arms` are not used; `seeds` are.
    """

    arms: Sequence[RunConfig]
    seeds: Sequence[int]
    conditions: Sequence[Mapping[str, Any]] = ({},)
    kind: Kind = "compare"
    fair_rate: bool = False

    def config(self, arm: int, condition: int, seed: int) -> RunConfig:
        """The config of one run. Raises ConfigError."""
        return configure(self.arms[arm], **self.conditions[condition], seed=seed)

    def runs(self, experiment: str) -> list[NewRun]:
        """All runs in the order in which they should train: pilots first, then seed by seed with its arms side by side."""
        if PILOT_SEED in self.seeds:
            raise ConfigError("seed", f"{PILOT_SEED} is kept for pilot runs; choose a lower one")
        arms, conditions = range(len(self.arms)), range(len(self.conditions))
        runs = []
        if self.fair_rate:
            configs = {
                (arm, condition): self.config(arm, condition, PILOT_SEED) for condition in conditions for arm in arms
            }
            if any(config.data.validation_size == 0 for config in configs.values()):
                why = "0 leaves the pilot runs nothing to pick a learning rate by"
                raise ConfigError("validation_size", f"{why}; hold some images out, or let all arms share one rate")
            runs += pilots(experiment, configs)
        status = Status.WAITING if self.fair_rate else Status.QUEUED
        for seed in self.seeds:
            for condition in conditions:
                for arm in arms:
                    config = self.config(arm, condition, seed)
                    runs.append(NewRun(config, run_name(config), experiment, arm, condition, status=status))
        return runs


def new_experiment() -> str:
    """An id for an experiment."""
    return uuid.uuid4().hex[:10]


def pilots(experiment: str, configs: Mapping[tuple[int, int], RunConfig]) -> list[NewRun]:
    """The runs that try the rates of the grid, for each (arm, condition)."""
    runs = []
    for (arm, condition), config in configs.items():
        for rate in rate_grid(config):
            pilot = configure(config, seed=PILOT_SEED, learning_rate=rate)
            name = f"pilot of {run_name(config).rpartition(',')[0]}, rate {rate:g}"
            runs.append(NewRun(pilot, name, experiment, arm, condition, pilot=True))
    return runs


def rate_grid(config: RunConfig) -> list[float]:
    """The learning rates that every arm tries, around the one that is set."""
    return [float(f"{config.optim.learning_rate * factor:.6g}") for factor in RATE_FACTORS]


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
    if not runs or any(run.status not in ENDED for run in runs):
        return None
    scores = [run.val_accuracy if run.status == Status.FINISHED else None for run in runs]
    best = max(range(len(runs)), key=lambda i: (-1.0 if scores[i] is None else scores[i], -i))
    return Pick(runs[best].config.optim.learning_rate, scores[best], best in (0, len(runs) - 1))


def picks(runs: Iterable[RunRecord]) -> dict[tuple[int, int], Pick | None]:
    """What the pilots among some runs have picked for each (arm, condition)."""
    tried = sorted((run for run in runs if run.pilot), key=_cell)
    return {cell: pick_rate(group) for cell, group in groupby(tried, _cell)}


def release(store: Store, experiment: str) -> None:
    """Queue the runs whose arms have all picked their rate, with that rate, so that pairs still train together."""
    runs = store.runs(experiment=experiment)
    picked = picks(runs)
    undecided = {condition for (_, condition), pick in picked.items() if pick is None}
    for run in runs:
        pick = picked.get(_cell(run))
        if run.status == Status.WAITING and pick and run.condition not in undecided:
            store.release(run.id, configure(run.config, learning_rate=pick.rate))


def more_seeds(runs: Sequence[RunRecord], count: int) -> list[NewRun]:
    """`count` further seeds for every arm and condition of an experiment, given its runs. Those of arms with pilots wait."""
    cells = {_cell(run): run for run in runs if not run.pilot}
    first = max(run.config.seed for run in runs if not run.pilot) + 1
    tried = {_cell(run) for run in runs if run.pilot}
    new = []
    for seed in range(first, first + count):
        for (arm, condition), run in sorted(cells.items(), key=lambda item: item[0][::-1]):
            config = configure(run.config, seed=seed)
            status = Status.WAITING if (arm, condition) in tried else Status.QUEUED
            new.append(NewRun(config, run_name(config), run.experiment, arm, condition, status=status))
    return new


def another_arm(runs: Sequence[RunRecord], init: InitConfig) -> list[NewRun]:
    """One more arm with that scheme and variance scale, group scales as the others have them, for every condition and seed of an experiment, with pilots if the others had some."""
    proper = [run for run in runs if not run.pilot]
    arm = max(run.arm for run in proper) + 1
    own = {"scheme": init.scheme, "variance_scale": init.variance_scale}
    like_init = proper[0].config.init.model_copy(update=own)
    if any(run.config.init == like_init for run in proper):
        raise ConfigError(
            "arm", f"{arm_label(proper[0].config.model_copy(update={'init': like_init}))} is an arm already"
        )
    like = {(run.config.seed, run.condition): run for run in proper}
    tried = {run.condition: run for run in runs if run.pilot}
    new = []
    for condition, pilot in sorted(tried.items()):
        base = configure(pilot.config, learning_rate=grid_centre(runs, condition))
        new += pilots(proper[0].experiment, {(arm, condition): base.model_copy(update={"init": like_init})})
    for (_, condition), run in sorted(like.items()):
        config = run.config.model_copy(update={"init": like_init})
        status = Status.WAITING if condition in tried else Status.QUEUED
        new.append(NewRun(config, run_name(config), run.experiment, arm, condition, status=status))
    return new


def grid_centre(runs: Sequence[RunRecord], condition: int) -> float:
    """The rate around which the pilots of a condition were laid."""
    lowest = min(run.config.optim.learning_rate for run in runs if run.pilot and run.condition == condition)
    return float(f"{lowest / RATE_FACTORS[0]:.6g}")


def _cell(run: RunRecord) -> tuple[int, int]:
    return run.arm, run.condition
