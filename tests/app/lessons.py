"""What the tests of lessons share: workers that store what they are given, and runs that were really trained, a little."""

from tiny import tiny_data

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import save_checkpoint
from vit_lab.training.trainer import train


def words(at) -> str:
    """All text of a page."""
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def keep_in_store(workers, store: Store) -> None:
    """Let workers that only take notes put what they are given into a store, queued for ever."""

    def submit(runs, kind="compare"):
        workers.submitted.append(list(runs))
        return store.add(runs, kind)

    workers.submit = submit


def really_trained(config: RunConfig, name: str = "trained") -> str:
    """A finished run in the store, with its checkpoint. Returns its id."""
    store = Store(paths.database())
    try:
        [run_id] = store.add([NewRun(config, name, name)])
        training = train(config, tiny_data(config))
        store.append(run_id, [(event.step / 10, event) for event in training], 1.0, 100.0)
        save_checkpoint(training.checkpoint(), paths.checkpoint(run_id))
        store.end(run_id, Status.FINISHED)
        return run_id
    finally:
        store.close()
