"""Briefly trained twins, with snapshots of some of their steps."""

from collections.abc import Sequence

from tiny import pair, tiny_data

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.runs import snapshots
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import save_checkpoint
from vit_lab.training.trainer import train


def trained_twins(
    configs: Sequence[RunConfig], kept: Sequence[int] = (2,), experiment: str = "twins"
) -> list[RunRecord]:
    """Train the arms of an experiment; of each, the steps that are named are kept, and its checkpoint at the end."""
    store = Store(paths.database())
    try:
        ids = store.add(pair(list(configs), experiment))
        for run_id, config in zip(ids, configs, strict=True):
            training, told = train(config, tiny_data(config)), []
            for event in training:
                told.append((event.step / 10, event))
                if training.step in kept:
                    snapshots.keep(run_id, training.weights())
            store.append(run_id, told, 1.0, 100.0)
            save_checkpoint(training.checkpoint(), paths.checkpoint(run_id))
            store.end(run_id, Status.FINISHED)
        return store.runs(ids)
    finally:
        store.close()
