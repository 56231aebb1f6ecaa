"""Looks into models, as pages share them: each is computed once for all who look at the same, beside the server."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.forkserver.companion import Companion
from vit_lab.runs import snapshots
from vit_lab.runs.records import RunRecord
from vit_lab.settings import ConfigError
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import Answers, Array, Example, Glance, Weights
from vit_lab.ui.serving.beside import ask, patient, quick
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.serving.lab import replays
from vit_lab.ui.serving.once import Once

GLANCES, FEW = 200, 60  # kept for all visitors together; of the default model one takes 7 kB, of the largest 2 MB


@contextmanager
def refusals_told() -> Iterator[None]:
    """What cannot be looked at, for it takes too much, or something cannot be read, is said in its one sentence."""
    try:
        yield
    except TooMuchError as error:
        st.warning(f"This look {error}; choose another run, or a smaller model.")
    except CannotStartError:
        st.warning("Nothing can be computed just now: this machine starts no more processes. Try again in a moment.")
    except (CheckpointError, DatasetError, ConfigError) as error:
        st.error(f"{error}.")


def weights_of(run: RunRecord, step: int) -> Weights | None:
    """Where a run's weights after a step are: kept, or trained again by somebody here; None if neither."""
    found = snapshots.kept_weights(run, step)
    if found is None and (replay := replays().asked(run, step)) is not None:
        return replay.weights
    return found


def glance(run: RunRecord, weights: Weights, example: Example, reads: int, of: int | None) -> Glance:
    """What the page shows of one example at one time. Raises what `vit_lab.training.glances` does, and TooMuchError."""
    return _glance(run.id, weights.step, example, reads, of, run.config, weights)


def probabilities(run: RunRecord, weights: Sequence[Weights], example: Example) -> Array:
    """What a run answered to an example after each of some steps, (steps, Y)."""
    return _probabilities(run.id, tuple(at.step for at in weights), example, run.config, list(weights))


def occluded(run: RunRecord, weights: Weights, example: Example, of: int) -> Array:
    """What a class loses where each part of an example is blanked."""
    return _occluded(run.id, weights.step, example, of, run.config, weights)


def answers(run: RunRecord, weights: Weights) -> Answers:
    """What a run answers to the first examples of its test set."""
    return _answers(run.id, weights.step, run.config, weights)


def labels(config: RunConfig) -> Array:
    """The classes of the first examples of the test set."""
    return _labels(config)


def pictures(config: RunConfig, digits: Sequence[int]) -> Array:
    """Some examples as a person sees them."""
    return _pictures(config, tuple(digits))


def _ask(companion: Once[Companion], target: str, config: RunConfig, *arguments: Any) -> Any:
    return ask(companion, f"vit_lab.training.glances:{target}", config, *arguments)


@st.cache_data(show_spinner=False, max_entries=GLANCES)
def _glance(
    run: str, step: int, example: Example, reads: int, of: int | None, _config: RunConfig, _weights: Weights
) -> Glance:
    found: Glance = _ask(quick, "glance", _config, _weights, example, reads, of)
    return found


@st.cache_data(show_spinner=False, max_entries=GLANCES)
def _probabilities(
    run: str, steps: tuple[int, ...], example: Example, _config: RunConfig, _weights: list[Weights]
) -> Array:
    found: Array = _ask(patient, "probabilities", _config, _weights, example)
    return found


@st.cache_data(show_spinner=False, max_entries=GLANCES)
def _occluded(run: str, step: int, example: Example, of: int, _config: RunConfig, _weights: Weights) -> Array:
    found: Array = _ask(quick, "occluded", _config, _weights, example, of)
    return found


@st.cache_data(show_spinner="Asking about all digits", max_entries=FEW)
def _answers(run: str, step: int, _config: RunConfig, _weights: Weights) -> Answers:
    found: Answers = _ask(patient, "answers", _config, _weights)
    return found


@st.cache_data(show_spinner=False, max_entries=FEW, hash_funcs=BY_CONFIG)
def _labels(config: RunConfig) -> Array:
    found: Array = _ask(patient, "labels", config)
    return found


@st.cache_data(show_spinner=False, max_entries=FEW, hash_funcs=BY_CONFIG)
def _pictures(config: RunConfig, digits: tuple[int, ...]) -> Array:
    found: Array = _ask(patient, "pictures", config, digits)
    return found
