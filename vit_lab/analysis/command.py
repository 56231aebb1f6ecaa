"""The shell command that repeats an experiment."""

import shlex
from collections.abc import Sequence
from typing import Any

from vit_lab.config import RunConfig
from vit_lab.runs.designs import arm_spec
from vit_lab.runs.experiments import grid_centre
from vit_lab.runs.records import Kind, RunRecord
from vit_lab.settings import configure, difference

VARIED: dict[Kind, set[str]] = {
    "compare": {"scheme", "variance_scale", "seed"},
    "sweep": {"variance_scale", "train_size", "seed"},
    "claim": {"scheme", "variance_scale", "train_size", "dataset", "label_noise", "seed"},
}


def command(runs: Sequence[RunRecord], kind: Kind) -> str | None:
    """What to type to train an experiment of these runs anew, in full; None if the options cannot say it."""
    proper = [run for run in runs if not run.pilot]
    fair = len(proper) < len(runs)
    first = proper[0].config
    seeds = {run.config.seed for run in proper}
    if not _can_be_said(proper, kind, fair=fair):
        return None
    words = ["python", "-m", "vit_lab", kind, *_variations(proper, kind), "--seeds", str(len(seeds))]
    words += ["--fair-rate"] if fair else []
    words += ["--seed", str(min(seeds))] if min(seeds) else []
    if fair:
        first = configure(first, learning_rate=grid_centre(runs, proper[0].condition))
    for field, (_, value) in difference(RunConfig(), first).items():
        if field not in VARIED[kind]:
            words += _option(field, value)
    return shlex.join(words)


def _can_be_said(runs: Sequence[RunRecord], kind: Kind, *, fair: bool) -> bool:
    """Whether arms differ in what a command varies only, nothing set is empty, and each arm has all seeds in a row."""
    configs = [run.config for run in runs]
    seeds = {config.seed for config in configs}
    cells = {(run.arm, run.condition) for run in runs}
    varied = VARIED[kind] | ({"learning_rate"} if fair else set())
    changed = difference(RunConfig(), configs[0])
    return (
        set(difference(*configs)) <= varied
        and not any(value is None for field, (_, value) in changed.items() if field not in varied)
        and len(seeds) == max(seeds) - min(seeds) + 1
        and len(runs) == len(seeds) * len(cells)
        and len(cells) == len({arm for arm, _ in cells}) * len({condition for _, condition in cells})
    )


def _variations(runs: Sequence[RunRecord], kind: Kind) -> list[str]:
    inits = list(dict.fromkeys(run.config.init for run in sorted(runs, key=lambda run: run.arm)))
    data = list(dict.fromkeys(run.config.data for run in sorted(runs, key=lambda run: run.condition)))
    sizes = list(dict.fromkeys(str(one.train_size or "all") for one in data))
    tasks = list(dict.fromkeys(one.dataset + (f":{one.label_noise:g}" if one.label_noise else "") for one in data))
    given: list[tuple[str, list[str]]] = []
    if kind == "sweep":
        given = [("--scale", [f"{init.variance_scale:g}" for init in inits]), ("--size", sizes)]
    else:
        given = [("--arm", [arm_spec(init) for init in inits])]
        given += [("--task", tasks), ("--size", sizes)] if kind == "claim" else []
    return [word for option, values in given for value in values for word in (option, value)]


def _option(field: str, value: Any) -> list[str]:
    name = "init" if field == "scheme" else field.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]
