"""The shell command that repeats an experiment."""

import shlex
from typing import Any

from vit_lab.config import RunConfig
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import grid_centre
from vit_lab.runs.records import Kind
from vit_lab.settings import configure, difference, flat
from vit_lab.spelling import arm_spec, option_name, task_spec

VARIED: dict[Kind, set[str]] = {
    "compare": {"scheme", "variance_scale", "seed"},
    "sweep": {"variance_scale", "train_size", "seed"},
    "claim": {"scheme", "variance_scale", "train_size", "dataset", "label_noise", "seed"},
}


def command(experiment: Experiment) -> str | None:
    """What to type to train an experiment anew, in full; None if the options cannot say it."""
    if not _can_be_said(experiment):
        return None
    kind, seeds = experiment.kind, experiment.seeds
    words = ["python", "-m", "vit_lab", kind, *_variations(experiment), "--seeds", str(len(seeds))]
    words += ["--fair-rate"] if experiment.is_fair else []
    words += ["--seed", str(seeds[0])] if seeds[0] else []
    first = experiment.proper[0]
    config = first.config
    if experiment.is_fair:
        config = configure(config, learning_rate=grid_centre(experiment, first.condition))
    for field, value in _settings(config).items():
        if field not in VARIED[kind]:
            words += _option(field, value)
    return shlex.join(words)


def _settings(config: RunConfig) -> dict[str, Any]:
    """What a command must set to get a config: its optimiser, and what is not as that brings it."""
    optimiser = configure(optimiser=config.optim.optimiser)
    told = difference(RunConfig(), optimiser).keys() & {"optimiser"} | difference(optimiser, config).keys()
    return {field: value for field, value in flat(config).items() if field in told}


def _can_be_said(experiment: Experiment) -> bool:
    """Whether arms differ in what a command varies only, nothing set is empty, and each arm has all seeds in a row."""
    configs, seeds = [run.config for run in experiment.proper], experiment.seeds
    varied = VARIED[experiment.kind] | ({"learning_rate"} if experiment.is_fair else set())
    changed = difference(RunConfig(), configs[0])
    cells = len(experiment.arms) * len(experiment.data)
    return (
        set(difference(*configs)) <= varied
        and not any(value is None for field, (_, value) in changed.items() if field not in varied)
        and len(seeds) == seeds[-1] - seeds[0] + 1
        and len(configs) == len(seeds) * len(experiment.cells)
        and len(experiment.cells) == cells
    )


def _variations(experiment: Experiment) -> list[str]:
    inits = list(dict.fromkeys(config.init for config in experiment.arms.values()))
    data = list(dict.fromkeys(experiment.data.values()))
    sizes = list(dict.fromkeys(str(one.train_size or "all") for one in data))
    tasks = list(dict.fromkeys(task_spec(one) for one in data))
    given: list[tuple[str, list[str]]] = []
    if experiment.kind == "sweep":
        given = [("--scale", [f"{init.variance_scale:g}" for init in inits]), ("--size", sizes)]
    else:
        given = [("--arm", [arm_spec(init) for init in inits])]
        given += [("--task", tasks), ("--size", sizes)] if experiment.kind == "claim" else []
    return [word for option, values in given for value in values for word in (option, value)]


def _option(field: str, value: Any) -> list[str]:
    name = option_name(field)
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]
