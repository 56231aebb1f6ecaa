"""The models that lessons look into, beside the server: built at their init, or read back from a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import dropwhile, islice
from typing import Any

import streamlit as st

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.model_config import VitConfig
from vit_lab.runs.limits import data_bytes, look_bytes
from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_weights
from vit_lab.runs.trained import trained_runs
from vit_lab.spelling import arm_label
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import Weights
from vit_lab.ui.learn.image import DIGITS
from vit_lab.ui.prose import warn
from vit_lab.ui.serving.apart import apart, memory
from vit_lab.ui.serving.beside import ask, quick
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.serving.lab import open_store

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
    def is_light(config: RunConfig) -> bool:
        return look_bytes(config, 1) <= memory() and suits(config)

    return trained_runs(open_store(), is_light)


def _vit_that(suits: Callable[[VitConfig], bool], dataset: str) -> Callable[[RunConfig], bool]:
    shape = DATASETS[dataset].shape
    return lambda config: (
        isinstance(config.model, VitConfig) and DATASETS[config.data.dataset].shape == shape and suits(config.model)
    )


def can_be_read(run: RunRecord, step: int | None = None) -> bool:
    """Whether a run's model, or that of a kept step, can be read back; if not, the page says what is passed over."""
    try:
        _check(run.config, run.id, step)
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


@st.cache_data(show_spinner="Building the model", max_entries=64, hash_funcs=BY_CONFIG)
def _check(config: RunConfig, run_id: str, step: int | None) -> None:
    with _refusals_end_the_page():
        ask(quick, "vit_lab.lessons.models:check", config, weights_of(run_id, step), beside=data_bytes(config))


def weights_of(run_id: str | None, step: int | None = None) -> Weights:
    """Where the weights of a run are, or those of a kept step; without a run, those of an init.

    Raises CheckpointError if that step is not kept.
    """
    if run_id is None or step == 0:
        return Weights(0)
    run = open_store().run(run_id)
    found = Weights(run.step, paths.checkpoint(run.id)) if step is None else kept_weights(run, step)
    if found is None:
        raise CheckpointError(f"step {step} of {run.name} is not kept; choose another")
    return found


def computed(target: str, *arguments: Any, alone: bool = False) -> Any:
    """What a function of `vit_lab.lessons`, "module:name", returns of these arguments, computed beside this server.

    What takes long is computed `alone`, in a process of its own, for others would wait. What cannot be computed is
    told in a sentence, and ends the page. Raises DatasetError.
    """
    beside = max((data_bytes(config) for config in arguments if isinstance(config, RunConfig)), default=0)
    with _refusals_end_the_page():
        try:
            if alone:
                return apart(f"vit_lab.lessons.{target}", *arguments, beside=beside)
            return ask(quick, f"vit_lab.lessons.{target}", *arguments, beside=beside)
        except CheckpointError as error:
            st.error(f"{error}.")
            st.stop()


@contextmanager
def _refusals_end_the_page() -> Iterator[None]:
    try:
        yield
    except TooMuchError as error:
        st.warning(f"This {error}; choose another run.")
        st.stop()
    except CannotStartError:
        st.warning("Nothing can be computed just now: this machine starts no more processes. Try again in a moment.")
        st.stop()


def run_words(run: RunRecord, step: int | None = None) -> str:
    """Which run it is, and which step of it unless its last, in words that nobody has typed."""
    ended = step is None and run.test_accuracy is not None
    accuracy = f", {run.test_accuracy:.1%} on the test images" if ended else ""
    init, data = arm_label(run.config.init), run.config.data
    told = f"run {run.number} (`{init}`, {data.dataset}, seed {run.config.seed}{accuracy})"
    return told if step is None else f"step {step:,} of {told}"
