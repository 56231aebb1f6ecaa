"""What an experiment will consist of: a `Plan` before its launch, and what is added to it later.

Runs are queued so that the runs of a pair finish together.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vit_lab.config import InitConfig, RunConfig
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import PILOT_SEED, pilots
from vit_lab.runs.records import Kind, NewRun, run_name
from vit_lab.runs.states import Status
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import arm_label


@dataclass(frozen=True)
class Plan:
    """What an experiment consists of: every arm is trained under every condition, from every seed.

    A condition is a set of settings that holds for all arms, such as {"train_size": 200}. The seeds that stand in the
    `arms` are not used.
    """

    arms: Sequence[RunConfig]
    seeds: Sequence[int]
    conditions: Sequence[Mapping[str, Any]] = ({},)
    kind: Kind = "compare"
    fair_rate: bool = False

    def config(self, arm: int, condition: int, seed: int) -> RunConfig:
        """The config of one run. Raises ConfigError."""
        return configure(self.arms[arm], **self.conditions[condition], seed=seed)

    def of_one_seed(self) -> list[tuple[RunConfig, int]]:
        """The configs of the first seed, each with how many runs differ from it in the seed alone; pilots have one."""
        first = replace(self, seeds=self.seeds[:1]).runs("planned")
        return [(run.config, 1 if run.pilot else len(self.seeds)) for run in first]

    def runs(self, experiment: str) -> list[NewRun]:
        """All runs in the order in which they should train: pilots, then seed by seed with the arms side by side."""
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


def more_seeds(experiment: Experiment, count: int) -> list[NewRun]:
    """`count` further seeds for every arm and condition of an experiment. Those of arms with pilots wait."""
    new = []
    for seed in range(experiment.seeds[-1] + 1, experiment.seeds[-1] + 1 + count):
        for (arm, condition), runs in experiment.cells.items():
            config = configure(runs[-1].config, seed=seed)
            status = Status.WAITING if (arm, condition) in experiment.pilots_by_cell else Status.QUEUED
            new.append(NewRun(config, run_name(config), experiment.id, arm, condition, status=status))
    return new


def repeated(experiment: Experiment, count: int) -> Plan:
    """The arms of an experiment of one seed once more, from `count` further seeds: what it showed is seen already."""
    first = experiment.seeds[-1] + 1
    return Plan(tuple(experiment.arms.values()), range(first, first + count))


def another_arm(experiment: Experiment, settings: Mapping[str, Any]) -> list[NewRun]:
    """One more arm for every condition and seed of an experiment, with pilots if the others had some.

    Its `settings` are those of a spelled arm; what they do not name, it takes from the first arm. Raises ConfigError if
    it is one of those that are there.
    """
    arm = max(experiment.arms) + 1
    if varied := [field for field in experiment.varied if field in settings and field not in InitConfig.model_fields]:
        raise ConfigError("arm", f"{varied[0]} is varied here for all arms; leave it out")
    like = {(run.config.seed, run.condition): run for run in sorted(experiment.proper, key=lambda run: -run.arm)}
    new, tried = [], {run.condition for run in experiment.pilots}
    for condition in sorted(tried):
        one = next(run for (_, place), run in like.items() if place == condition)
        rates = {pilot.config.optim.learning_rate for pilot in experiment.pilots_by_cell.get((one.arm, condition), ())}
        new += pilots(experiment.id, {(arm, condition): configure(one.config, **settings)}, sorted(rates))
    known = {_as_one(run.config, experiment) for run in experiment.proper}
    for (_, condition), one in sorted(like.items(), key=lambda item: item[0]):
        config = configure(one.config, **settings)
        if _as_one(config, experiment) in known:
            raise ConfigError("arm", f"{arm_label(config.init)} is an arm already")
        status = Status.WAITING if condition in tried else Status.QUEUED
        new.append(NewRun(config, run_name(config), experiment.id, arm, condition, status=status))
    return new


def _as_one(config: RunConfig, experiment: Experiment) -> RunConfig:
    """What tells arms apart: all of a config, without a rate that the arm picks for itself."""
    return configure(config, learning_rate=1.0) if experiment.is_fair else config
