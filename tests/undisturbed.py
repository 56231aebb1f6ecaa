"""What a run says if nobody stops it and nothing is killed, and whether another said the same."""

import functools
import json

import torch

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import Checkpoint, load_checkpoint
from vit_lab.training.trainer import train

KINDS = ("started", "step", "evaluated", "probed", "finished")


@functools.cache
def _undisturbed(config: RunConfig) -> tuple[dict[str, list[dict]], Checkpoint]:
    training = train(config, load_run_data(config), "cpu", None)
    events = [event for event in training if not isinstance(event, Stepped)]
    return {kind: [json.loads(e.to_json()) for e in events if e.kind == kind] for kind in KINDS}, training.checkpoint()


def assert_as_if_undisturbed(store: Store, run_id: str, config: RunConfig) -> None:
    """It has finished, no event is missing or double, and all numbers are the same to the bit."""
    run = store.run(run_id)
    assert (run.status, run.error, run.step) == (Status.FINISHED, None, config.optim.steps)
    events, checkpoint = _undisturbed(config)
    for kind, expected in events.items():
        kept = [{name: e[name] for name in e if name != "seconds"} for e in store.events(run_id, kind)]
        assert kept == expected, kind
    mine, theirs = load_checkpoint(paths.checkpoint(run_id)).tensors, checkpoint.tensors
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
