"""What runs on the machines of a cluster, as tasks of Ray that `vit_lab.runs.executors.nodes` starts."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import ray
import torch
from ray.exceptions import RayError

from vit_lab.config import RunConfig
from vit_lab.data.pixels import bring
from vit_lab.data.splits import load_run_data
from vit_lab.runs.executors.follow import follow
from vit_lab.runs.executors.messages import Ended, Message
from vit_lab.training import device
from vit_lab.training.checkpoint import Checkpoint

SAME = ("torch", "numpy")  # of which every machine must have the version of the server, or numbers may differ


def train_there(
    config: RunConfig,
    checkpoint: Checkpoint | None,
    before: float,
    snapshots: int,
    on: str,
    data: dict[str, Any],
    wishes: Any,
    key: str,
) -> Generator[Message]:
    """Train a run on the machine that this is called on, with one intra-op thread as everywhere.

    Args:
        on: the device.
        data: where the object store has the sets that the machine need not have, by name.
        wishes: the actor that knows, by the run's `key`, how it should end.
    """
    for name, reference in data.items():
        bring(name, ray.get(reference))
    torch.set_num_threads(1)
    with ThreadPoolExecutor(1) as asking:  # a task that waits itself gives its core away meanwhile

        def wish() -> Ended | None:
            try:
                found: Ended | None = asking.submit(lambda: ray.get(wishes.of.remote(key))).result()
            except RayError:  # whoever knows is being started anew
                return None
            return found

        run = config, load_run_data(config), checkpoint, wish
        messages = follow(*run, device=device.resolve(on), before=before, snapshots=snapshots)
        for message in messages:  # noqa: UP028 - Ray sends something back, which not all of follow's iterators take
            yield message


def versions() -> dict[str, str]:
    """What this machine has of what must be the same everywhere, without what a build for an accelerator adds.

    As a task it fails where something is lacking that trains, for this module is loaded first.
    """
    return {package: version(package).partition("+")[0] for package in SAME}
