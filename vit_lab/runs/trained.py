"""Models that runs of this lab have trained, read back from their checkpoints."""

from collections.abc import Callable, Iterator

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.init.build import Model, unfilled
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, model_state


def trained_runs(store: Store, suits: Callable[[RunConfig], bool]) -> Iterator[RunRecord]:
    """The finished runs whose config suits, the one launched last first, without those that cannot be read here."""
    for run in store.runs():
        if run.status == Status.FINISHED and paths.checkpoint(run.id).is_file() and _suits(run, suits):
            yield run


def trained_model(run: RunRecord) -> Model:
    """The model as its latest checkpoint has it. Raises CheckpointError if there is none, or it does not fit."""
    model = unfilled(run.config.model)
    try:
        model.load_state_dict(model_state(load_checkpoint(paths.checkpoint(run.id))))
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint of {run.name} does not fit its model; train it again") from error
    return model


def _suits(run: RunRecord, suits: Callable[[RunConfig], bool]) -> bool:
    try:
        return suits(run.config)
    except ValueError:
        return False
