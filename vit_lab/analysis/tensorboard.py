"""Runs as event files, which TensorBoard reads, and so do other programs that follow experiments.

A folder a run: scalars, named as in the table of curves, histograms of the weights of each layer at the steps that are
kept, and the settings as text. TensorBoard keeps numbers as float32. Its package is needed to write them, and is
imported when something is to be written.
"""

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vit_lab.analysis.export import numbers_of, summary
from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_steps
from vit_lab.runs.store import Store

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

MISSING = "its package is not installed; pip install 'vit-lab[tensorboard]', or in a checkout '.[tensorboard]'"


class TensorboardError(Exception):
    """The event files cannot be written; the message is one sentence for a person."""


def writer_class() -> type["SummaryWriter"]:
    """What writes event files. Raises TensorboardError if its package is not here."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TensorboardError(MISSING) from error
    return SummaryWriter


def folder_of(run: RunRecord, folder: Path) -> Path:
    """Where a run's files go: its name, as a folder may be called, and its id."""
    return folder / f"{re.sub(r'[^A-Za-z0-9.]+', '-', run.name).strip('-.')[:80]}-{run.id}"


def write_tensorboard(store: Store, runs: Sequence[RunRecord], folder: Path) -> tuple[int, int]:
    """Write the event files of runs into folders of their own; returns how many scalars and histograms they hold.

    A number that is none, as of a diverged run, is NaN. Raises TensorboardError, also if a run's folder is there
    already: its numbers would be told twice. Raises OSError.
    """
    write = writer_class()
    for run in runs:
        if folder_of(run, folder).exists():
            raise TensorboardError(f"{folder_of(run, folder)} is there already; choose another folder, or remove it")
    scalars = histograms = 0
    for run in runs:
        with write(str(folder_of(run, folder))) as writer:
            writer.add_text("config", _settings(run), 0, walltime=_started(run))
            for step, seconds, measure, value in numbers_of(store, run):
                number = math.nan if value is None else float(value)
                writer.add_scalar(measure, number, step, walltime=_started(run) + seconds)
                scalars += 1
            histograms += _write_weights(writer, run)
    return scalars, histograms


def _write_weights(writer: "SummaryWriter", run: RunRecord) -> int:
    """Histograms of the weights at the steps of which there is a file; a damaged one counts as not there."""
    from vit_lab.probes.weights import layers  # imports torch
    from vit_lab.runs.trained import trained_model
    from vit_lab.training.checkpoint import CheckpointError

    count = 0
    for step in kept_steps(run):
        try:
            found = layers(trained_model(run, step))
        except CheckpointError:  # as of step 0, of which settings are enough
            continue
        for layer, weights in found.items():
            writer.add_histogram(f"weights/{layer}", weights, step, walltime=_started(run))
            count += 1
    return count


def _started(run: RunRecord) -> float:
    """When a run was launched, in seconds since 1970; 0 if what is stored is no time."""
    try:
        return datetime.fromisoformat(run.created_at).timestamp()
    except ValueError:
        return 0.0


def _settings(run: RunRecord) -> str:
    """What TensorBoard shows as a block of JSON."""
    return "\n".join(f"    {line}" for line in json.dumps(summary(run), indent=1).splitlines())
