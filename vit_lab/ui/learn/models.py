"""The models that lessons look into: built at their init, or read back from a run. Loaded once, and only ever read."""

from collections.abc import Callable, Iterator
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.model_config import VitConfig
from vit_lab.runs.limits import look_bytes
from vit_lab.runs.records import RunRecord
from vit_lab.spelling import arm_label
from vit_lab.ui.learn.image import DIGITS
from vit_lab.ui.prose import warn
from vit_lab.ui.serving.apart import memory
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.serving.lab import open_store

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.init.build import Model
    from vit_lab.models.vit import VisionTransformer

MOST_OFFERED = 100  # runs in a box; whoever wants an older one opens it on the page Inside


def latest_run(suits: Callable[[RunConfig], bool]) -> RunRecord | None:
    """The newest finished run whose config suits and whose model can be read back."""
    return next(filter(can_be_read, _finished(suits)), None)


def latest_vit(suits: Callable[[VitConfig], bool], dataset: str = DIGITS) -> RunRecord | None:
    """The same among the Vision Transformers that read images shaped like those of a data set."""
    return latest_run(_vit_that(suits, dataset))


def recent_vits(suits: Callable[[VitConfig], bool], dataset: str = DIGITS) -> list[RunRecord]:
    """The newest of these that can be read back, and those before it, which are read when they are looked at."""
    found = dropwhile(lambda run: not can_be_read(run), _finished(_vit_that(suits, dataset)))
    return list(islice(found, MOST_OFFERED))


def _finished(suits: Callable[[RunConfig], bool]) -> Iterator[RunRecord]:
    from vit_lab.runs.trained import trained_runs  # brings torch

    def is_light(config: RunConfig) -> bool:  # a lesson looks into it here, in the server
        return look_bytes(config, 1) <= memory() and suits(config)

    return trained_runs(open_store(), is_light)


def _vit_that(suits: Callable[[VitConfig], bool], dataset: str) -> Callable[[RunConfig], bool]:
    shape = DATASETS[dataset].shape
    return lambda config: (
        isinstance(config.model, VitConfig) and DATASETS[config.data.dataset].shape == shape and suits(config.model)
    )


def can_be_read(run: RunRecord, step: int | None = None) -> bool:
    """Whether a run's model, or that of a kept step, can be read back; if not, the page says what is passed over."""
    from vit_lab.training.checkpoint import CheckpointError  # brings torch

    try:
        model_of(run.config, run.id, step)
    except CheckpointError:
        if step is None:
            warn(f"""
                Run {run.number} is passed over, for its checkpoint cannot be read; on the page Runs it can be run
                again, or deleted.
            """)
        else:
            warn(f"Step {step:,} of run {run.number} cannot be read back, so here is what the run came to.")
        return False
    return True


def model_of(config: RunConfig, run_id: str | None = None, step: int | None = None) -> "Model":
    """The model of a config at its init; or, of a run, as it was trained, or kept after a step.

    Raises CheckpointError.
    """
    import torch

    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    return _model_of(config, *((run_id, step) if step != 0 else (None, None)))


def vit(config: RunConfig, run_id: str | None = None, step: int | None = None) -> "VisionTransformer":
    """The same of a config that is known to be of a Vision Transformer."""
    from vit_lab.models.vit import VisionTransformer

    model = model_of(config, run_id, step)
    assert isinstance(model, VisionTransformer)
    return model


@st.cache_resource(show_spinner="Building the model", max_entries=24, hash_funcs=BY_CONFIG)
def _model_of(config: RunConfig, run_id: str | None, step: int | None) -> "Model":
    from vit_lab.runs.trained import trained_model
    from vit_lab.training.start import model_at_start

    model = model_at_start(config) if run_id is None else trained_model(open_store().run(run_id), step)
    return model.requires_grad_(False)


def as_input(pixels: bytes, config: RunConfig) -> "Tensor":
    """An image, as `Image.pixels` has it, as the model of a config reads it: (1, C, S, S)."""
    from vit_lab.data.images import scaled

    about = DATASETS[config.data.dataset]
    assert about.shape is not None
    channels, height, width = about.shape
    levels = np.frombuffer(bytearray(pixels), np.uint8).reshape(1, height, width, channels)
    return scaled(levels, about, config.data.normalise)


def run_words(run: RunRecord, step: int | None = None) -> str:
    """Which run it is, and which step of it unless its last, in words that nobody has typed."""
    ended = step is None and run.test_accuracy is not None
    accuracy = f", {run.test_accuracy:.1%} on the test images" if ended else ""
    init, data = arm_label(run.config.init), run.config.data
    told = f"run {run.number} (`{init}`, {data.dataset}, seed {run.config.seed}{accuracy})"
    return told if step is None else f"step {step:,} of {told}"
