"""The shell command that repeats an experiment: guessed from its runs, and given only if it would train just those."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

from vit_lab.config import OF_AN_ARM, RunConfig
from vit_lab.runs import designs
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.rates import grid_centre
from vit_lab.settings import ConfigError, configure, difference, flat
from vit_lab.spelling import in_full, option_name, setting_spec, task_spec

MOST_VARIED = 6  # settings; of more, the ways to say it are too many to try
TASK = {"dataset", "label_noise"}  # settings that the claim tells together


@dataclass(frozen=True)
class _Command:
    """What is typed: settings that all runs share, and what is varied."""

    kind: str
    settings: dict[str, Any]
    arms: Sequence[str]
    scales: Sequence[float]
    tasks: Sequence[str]
    sizes: Sequence[int | None]
    variations: Sequence[str]
    seeds: int
    fair: bool

    @property
    def plan(self) -> Plan:
        """What it would train. Raises ConfigError."""
        base = configure(**self.settings)
        more: dict[str, Any] = {"variations": self.variations, "fair_rate": self.fair}
        if self.kind == "sweep":
            return designs.sweep(base, self.scales, self.sizes, self.seeds, **more)
        if self.kind == "claim":
            return designs.claim(base, self.tasks, self.sizes, self.seeds, arms=self.arms, **more)
        return designs.comparison(base, self.arms, self.seeds, **more)

    @property
    def words(self) -> list[str]:
        """One by one, as the shell takes them."""
        lists: dict[str, Sequence[Any]] = {"--arm": self.arms, "--vary": self.variations}
        if self.kind == "sweep":
            lists = {"--scale": [in_full(scale) for scale in self.scales], "--vary": self.variations}
        if self.kind == "claim":
            lists["--task"] = self.tasks
        if self.kind != "compare":
            lists["--size"] = ["all" if size is None else size for size in self.sizes]
        words = ["python", "-m", "vit_lab", self.kind]
        words += [str(word) for option, values in lists.items() for value in values for word in (option, value)]
        words += ["--seeds", str(self.seeds), *(["--fair-rate"] if self.fair else [])]
        return words + [word for field, value in self.settings.items() for word in _option(field, value)]


def command(experiment: Experiment) -> str | None:
    """What to type to train an experiment anew, in full; None if the options cannot say it."""
    runs = len(experiment.arms) * len(experiment.data) * len(experiment.seeds)
    for guess in _guesses(experiment) if len(experiment.proper) == runs else ():
        if _would_train(guess, experiment):
            return shlex.join(guess.words)
    return None


def _guesses(experiment: Experiment) -> Iterator[_Command]:
    """Commands by which settings make the grid; of what is varied, some may follow from the rest."""
    first, kind = _as_set(experiment)[0], experiment.kind
    if len(experiment.varied) > MOST_VARIED:
        return
    distinct = {field: list(dict.fromkeys(values.values())) for field, values in experiment.varied.items()}
    by_speed = sorted(distinct, key=lambda field: -_first_change(list(experiment.varied[field].values())))
    for fields in chain.from_iterable(combinations(by_speed, size) for size in range(len(by_speed), -1, -1)):
        told = {"compare": set(), "sweep": {"train_size"}, "claim": {*TASK, "train_size"}}[kind]
        arms = [*experiment.differences, *OF_AN_ARM] if kind != "sweep" else ["variance_scale"]
        arms = [field for field in arms if field != "learning_rate" or not experiment.is_fair]  # those were picked
        settings = {field: value for field, value in _set(first).items() if field not in {*told, *arms, *by_speed}}
        if any(value is None for value in settings.values()):
            continue
        data = list(experiment.data.values())
        yield _Command(
            kind=kind,
            settings=settings,
            arms=list(experiment.specs.values()),
            scales=[config.init.variance_scale for config in experiment.arms.values()],
            tasks=list(dict.fromkeys(map(task_spec, data))),
            sizes=list(dict.fromkeys(one.train_size for one in data)),
            variations=[_variation(field, distinct[field]) for field in fields if field not in told],
            seeds=len(experiment.seeds),
            fair=experiment.is_fair,
        )


def _set(config: RunConfig) -> dict[str, Any]:
    """What a command must set to get a config: its optimiser, and what is not as that brings it."""
    optimiser = configure(optimiser=config.optim.optimiser)
    told = difference(RunConfig(), optimiser).keys() & {"optimiser"} | difference(optimiser, config).keys()
    return {field: value for field, value in flat(config).items() if field in told}


def _would_train(guess: _Command, experiment: Experiment) -> bool:
    """Whether a command is an experiment's: the same config for every arm, condition and seed, and no run besides."""
    try:
        plan = guess.plan
        arms, conditions = range(len(plan.arms)), range(len(plan.conditions))
        wanted = [plan.config(arm, condition, seed) for condition in conditions for arm in arms for seed in plan.seeds]
    except ConfigError:
        return False
    return wanted == _as_set(experiment)


def _as_set(experiment: Experiment) -> list[RunConfig]:
    """The configs of the runs proper, by condition, arm and seed, before they picked a rate."""
    found = []
    for cell, runs in experiment.cells.items():
        centre = grid_centre(experiment, cell)
        found += [configure(run.config, learning_rate=centre) if centre else run.config for run in runs]
    return found


def _variation(field: str, values: Sequence[Any]) -> str:
    return f"{field}=" + ",".join(setting_spec(field, value).partition("=")[2] for value in values)


def _first_change(values: Sequence[Any]) -> int:
    """Where a setting first differs from how it was under the first condition."""
    return next((place for place, value in enumerate(values) if value != values[0]), len(values))


def _option(field: str, value: Any) -> list[str]:
    name = option_name(field)
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]
