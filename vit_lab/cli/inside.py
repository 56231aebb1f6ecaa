"""The command that looks into a model at a step of its training."""

import json
import math
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vit_lab import paths
from vit_lab.cli.options import Json
from vit_lab.cli.refusals import refusals, stderr
from vit_lab.runs import snapshots
from vit_lab.runs.errors import StoreError
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.looks import Array, Look, Weights

if TYPE_CHECKING:
    from vit_lab.config import RunConfig

TOLD = ("probabilities", "lens", "rollout", "attention")
MOST_SHOWN = 3  # classes, the likeliest first


def look(
    run: Annotated[str, typer.Argument(help="The id of a run, as `runs` lists it.")],
    step: Annotated[
        int | None, typer.Option(help="Steps of training; one that is not kept is trained again. (default: the last)")
    ] = None,
    digit: Annotated[int, typer.Option(help="Which example of the run's test set, counted from 0.")] = 0,
    json_: Json = False,
) -> None:
    """Look into a model at a step: what it answers, what it would say after each block, and where attention leads."""
    with refusals(), closing(Store(paths.database())) as store:
        found = _run(store, run)
        seen = _look(store, found, found.step if step is None else step, digit)
    if json_:
        told = {"step": seen.step, "label": seen.label}
        print(json.dumps(told | {key: _plain(getattr(seen, key)) for key in TOLD}))
    else:
        _print(found, seen, digit)


def _run(store: Store, run_id: str) -> RunRecord:
    try:
        return store.run(run_id)
    except StoreError as error:
        raise ConfigError("run", str(error)) from error


def _look(store: Store, run: RunRecord, step: int, digit: int) -> Look:
    """The look at what is kept of the step; if that is nothing, or damaged, at the step trained again."""
    from vit_lab.training import inside  # imports torch
    from vit_lab.training.checkpoint import CheckpointError

    weights = snapshots.kept_weights(run, step)
    if weights is not None:
        try:
            return inside.look(run.config, weights, digit)
        except CheckpointError as error:
            stderr.print(str(error))
    with tempfile.TemporaryDirectory() as folder:
        replayed = _replayed(run.config, run.id, step, Path(folder) / "replayed.safetensors")
        return inside.look(run.config, snapshots.keep_replayed(store, run.id, replayed), digit)


def _replayed(config: "RunConfig", run_id: str, step: int, file: Path) -> Weights:
    from vit_lab.training.replay import replay  # imports torch

    columns = TextColumn("replaying"), BarColumn(), TextColumn("{task.completed}/{task.total} steps")
    with Progress(*columns, TimeRemainingColumn(), console=stderr, transient=True) as progress:
        bar = progress.add_task("", total=step)
        for done in replay(config, step, paths.checkpoint(run_id), file):
            progress.update(bar, completed=done)
    return Weights(step, file)


def _plain(numbers: Array) -> list[Any]:
    """Nested lists; what is no number, as in a model that has diverged, is null."""
    plain: list[Any] = numbers.tolist()
    return [_finite(one) for one in plain]


def _finite(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_finite(number) for number in numbers]
    return numbers if math.isfinite(numbers) else None


def _print(run: RunRecord, seen: Look, digit: int) -> None:
    likeliest = sorted(enumerate(seen.probabilities.tolist()), key=lambda one: -one[1])[:MOST_SHOWN]
    told = ", ".join(f"{number} with {probability:.1%}" for number, probability in likeliest)
    print(f"{run.name}, step {seen.step}, example {digit} of its test set: true class {seen.label}, answers {told}")
    for block, probabilities in enumerate(seen.lens, start=1):
        says = int(probabilities.argmax())
        true = f"{probabilities[seen.label]:.1%}"
        print(f"after block {block} the classifier would say {says} ({probabilities[says]:.1%}), the true class {true}")
    most = int(seen.rollout.argmax())
    print(f"most of the answer comes from token {most} of {len(seen.rollout)}: {seen.rollout[most]:.1%} of the rollout")
