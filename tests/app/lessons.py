"""What the tests of lessons share: a page's words, workers that store what they are given, briefly trained runs."""

from typing import Any

from tiny import pair, tiny, tiny_data

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import keep
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import save_checkpoint
from vit_lab.training.trainer import train


def words_of(at) -> str:
    """All text of a page."""
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.success, at.latex, at.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def keep_in_store(workers, store: Store) -> None:
    """Let workers that only take notes put what they are given into a store, queued for ever."""

    def submit(runs, kind="compare"):
        workers.submitted.append(list(runs))
        return store.add(runs, kind)

    workers.submit = submit


def finished(config: RunConfig | None = None, **settings: Any) -> RunRecord:
    """Train a tiny run with some settings of its own, or the one that is given, and store it with its checkpoint."""
    config = config or tiny(**{"steps": 3} | settings)
    store = Store(paths.database())
    try:
        [run_id] = store.add(pair([config], f"finished-{len(store.runs())}"))
        training = train(config, tiny_data(config))
        store.append(run_id, [(event.step / 10, event) for event in training], 1.0, 100.0)
        save_checkpoint(training.checkpoint(), paths.checkpoint(run_id))
        store.end(run_id, Status.FINISHED)
        return store.run(run_id)
    finally:
        store.close()


def keep_steps(run: RunRecord, *steps: int) -> None:
    """Train a run once more, up to the last of some steps, and keep a snapshot after each."""
    training = train(run.config, tiny_data(run.config))
    for _ in training:
        step = training.checkpoint().step
        if step in steps and not paths.snapshot(run.id, step).is_file():
            keep(run.id, training.weights())


def damage(run: RunRecord) -> None:
    """Put something else in the place of a run's checkpoint."""
    paths.checkpoint(run.id).write_bytes(b"not a checkpoint")
