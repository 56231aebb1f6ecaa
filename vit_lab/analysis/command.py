"""The shell command that repeats an experiment."""

import shlex
from collections.abc import Sequence
from typing import Any

from vit_lab.config import RunConfig, difference
from vit_lab.runs.designs import arm_spec
from vit_lab.runs.records import Kind, RunRecord

VARIED: dict[Kind, set[str]] = {
    "compare": {"scheme", "variance_scale", "seed", "learning_rate"},
    "sweep": {"variance_scale", "train_size", "seed"},
    "claim": {"scheme", "variance_scale", "train_size", "dataset", "label_noise", "seed", "learning_rate"},
}


def command(runs: Sequence[RunRecord], kind: Kind) -> str:
    """What to type to train an experiment of these runs anew, in full."""
    proper = [run for run in runs if not run.pilot]
    fair = len(proper) < len(runs)
    first = proper[0].config
    seeds = {run.config.seed for run in proper}
    words = ["python", "-m", "vit_lab", kind, *_variations(proper, kind), "--seeds", str(len(seeds))]
    words += ["--fair-rate"] if fair else []
    words += ["--seed", str(min(seeds))] if min(seeds) else []
    for field, (_, value) in difference(RunConfig(), first).items():
        if field not in VARIED[kind] - (set() if fair else {"learning_rate"}):
            words += _option(field, value)
    return shlex.join(words)


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
    return [] if value is None else [f"--{name}", str(value)]
