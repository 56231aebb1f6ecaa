"""Runs that were really trained, if only for some steps, and can be read back from their checkpoints."""

from typing import Any

from tiny import pair, tiny, tiny_data

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import save_checkpoint
from vit_lab.training.trainer import train


def finished(config: RunConfig | None = None, **settings: Any) -> RunRecord:
    """Train a tiny run with some settings of its own, or the one that is given, and store it with its checkpoint."""
    config = config or tiny(**{"steps": 3} | settings)
    store = Store(paths.database())
    try:
        experiment = f"finished-{len(store.runs())}"
        (run_id,) = store.add(pair([config], experiment))
        training = train(config, tiny_data(config))
        store.append(run_id, [(event.step / 10, event) for event in training], 1.0, 100.0)
        save_checkpoint(training.checkpoint(), paths.checkpoint(run_id))
        store.end(run_id, Status.FINISHED)
        return store.run(run_id)
    finally:
        store.close()
