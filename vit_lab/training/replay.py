"""A run trained again up to a step, without measuring: the same weights, to the bit (on the CPU of one machine).

Every draw follows from the seed and the step, and measuring changes nothing, so a step needs no more to be found again
than the settings of its run. A checkpoint that is not beyond the step saves what comes before it.
"""

import time
from collections.abc import Generator
from pathlib import Path

import torch

from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.device import chosen as chosen_device
from vit_lab.training.trainer import train

TELL_SECONDS = 0.1


def replay(config: RunConfig, step: int, checkpoint: Path, into: Path) -> Generator[int]:
    """Train to a step and write a snapshot of it; tells now and then how many steps are done, the last time when it is.

    Args:
        checkpoint: where the run has its own, if it has one. One that cannot be read, or does not fit, is passed over.
        into: the file of the snapshot.

    Raises ValueError if the run has no such step, ConfigError or DatasetError if it cannot be trained here, OSError.
    """
    torch.set_num_threads(1)  # as where runs train, for sums depend on it; counts for the calling thread
    data, device = load_run_data(config), chosen_device()
    last = config.optim.total_steps(len(data.train))
    if not 0 <= step <= last:
        raise ValueError(f"step {step} is none of this run; choose 0 to {last}")
    try:
        found = load_checkpoint(checkpoint)
        training = train(config, data, device, found if found.step <= step else None)
    except CheckpointError:  # there is none, or it is of no use: from the start, then
        training = train(config, data, device)
    told = -TELL_SECONDS
    while training.step < step:
        if time.monotonic() - told >= TELL_SECONDS:
            yield training.step
            told = time.monotonic()
        training.advance()
    save_checkpoint(training.weights(), into, lasting=False)
    yield training.step
