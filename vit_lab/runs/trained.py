"""Models that runs of this lab have trained, read back from their checkpoints and snapshots."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_weights
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import Weights

if TYPE_CHECKING:
    from vit_lab.init.build import Model


def trained_runs(store: Store, suits: Callable[[RunConfig], bool]) -> Iterator[RunRecord]:
    """The finished runs whose config suits, the one launched last first, without those that cannot be read here."""
    for run in store.runs():
        if run.status == Status.FINISHED and paths.checkpoint(run.id).is_file() and _suits(run, suits):
            yield run


def trained_model(run: RunRecord, step: int | None = None) -> "Model":
    """The model as its latest checkpoint has it, or as a snapshot has it after a step from 1 on.

    Raises CheckpointError if there is none, or it does not fit; ConfigError if the run has not made the step.
    """
    from vit_lab.init.build import unfilled  # with torch, which listing runs does without
    from vit_lab.training.checkpoint import load_checkpoint, model_state

    kept = kept_of(run, step)
    if kept.file is None:
        raise CheckpointError(f"step {step} of {run.name} is not kept; choose another")
    model = unfilled(run.config.model)
    try:
        model.load_state_dict(model_state(load_checkpoint(kept.file)))
    except RuntimeError as error:
        raise CheckpointError(f"what is kept of {run.name} does not fit its model; train it again") from error
    return model


def kept_of(run: RunRecord, step: int | None = None) -> Weights:
    """Where the weights of the latest checkpoint are, or those after a step. Raises as `trained_model` does."""
    kept = Weights(run.step, paths.checkpoint(run.id)) if step is None else kept_weights(run, step)
    if kept is None:
        raise CheckpointError(f"step {step} of {run.name} is not kept; choose another")
    return kept


def _suits(run: RunRecord, suits: Callable[[RunConfig], bool]) -> bool:
    try:
        return suits(run.config)
    except ValueError:
        return False
