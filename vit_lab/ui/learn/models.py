"""The models that lessons look into, beside the server: built at their init, or read back from a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import dropwhile, islice
from typing import Any

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.forkserver.calls import TooMuchError
from vit_lab.forkserver.companion import Companion
from vit_lab.model_config import VitConfig
from vit_lab.runs.limits import look_bytes
from vit_lab.runs.records import RunRecord
from vit_lab.runs.trained import kept_of, trained_runs
from vit_lab.spelling import arm_label
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import Weights
from vit_lab.ui.inside.looks import refusals_told
from vit_lab.ui.learn.image import DIGITS
from vit_lab.ui.prose import warn
from vit_lab.ui.serving.apart import memory
from vit_lab.ui.serving.beside import ask, quick
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.serving.once import Once

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
    with _or_the_page_ends():  # where that is not the run's fault
        try:
            _ask("models:check", run.config, _weights(run.id, step))
        except (CheckpointError, TooMuchError) as error:
            is_spoilt = isinstance(error, CheckpointError)
            why = "its checkpoint cannot be read" if is_spoilt else f"reading its model {error}"
            if step is None:
                warn(f"Run {run.number} is passed over, for {why}; on the page Runs it can be run again, or deleted.")
            else:
                warn(f"Step {step:,} of run {run.number} cannot be read back, so here is what the run came to.")
            return False
    return True


def weights_of(run_id: str | None, step: int | None = None) -> Weights:
    """Where the weights of a run are, or those of a kept step; without a run, those of an init.

    What is not there is told in a sentence, and ends the page.
    """
    with _or_the_page_ends():
        return _weights(run_id, step)


def computed(target: str, *arguments: Any, companion: Once[Companion] = quick) -> Any:
    """What a function of `vit_lab.lessons`, "module:name", returns of these arguments, computed beside this server.

    What nobody's hand waits for is for the `patient` companion, and so are large models. What cannot be computed is
    told in a sentence, and ends the page.
    """
    with _or_the_page_ends():
        return _ask(target, *arguments, companion=companion)


def _ask(target: str, *arguments: Any, companion: Once[Companion] = quick) -> Any:
    return ask(companion, f"vit_lab.lessons.{target}", *arguments)


def _weights(run_id: str | None, step: int | None) -> Weights:
    """The same. Raises CheckpointError if they are not kept."""
    if run_id is None or step == 0:
        return Weights(0)
    return kept_of(open_store().run(run_id), step)


@contextmanager
def _or_the_page_ends() -> Iterator[None]:
    with refusals_told():
        yield
        return
    st.stop()


def run_words(run: RunRecord, step: int | None = None) -> str:
    """Which run it is, and which step of it unless its last, in words that nobody has typed."""
    ended = step is None and run.test_accuracy is not None
    accuracy = f", {run.test_accuracy:.1%} on the test images" if ended else ""
    init, data = arm_label(run.config.init), run.config.data
    told = f"run {run.number} (`{init}`, {data.dataset}, seed {run.config.seed}{accuracy})"
    return told if step is None else f"step {step:,} of {told}"
