"""Looks for a page, in a process that stays: what was read for the last, the next finds in memory.

Functions of plain data that are asked again and again, of the same few runs (`vit_lab.forkserver.companion`).
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch

from vit_lab.config import InitConfig, OptimConfig, RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.init.build import Model
from vit_lab.model_config import TransformerConfig
from vit_lab.paths import data_folder
from vit_lab.training import inside
from vit_lab.training.errors import CheckpointError
from vit_lab.training.looks import MEAN, UNKNOWN, Answers, Array, Example, Glance, Look, Weights

MOST_BYTES = 128 * 2**20  # of models in memory
MOST_TOLD = 5_000  # answers to one example after one step: a page that follows a run asks for one more each time
MOST_DATA = 2  # sets of examples, of those that are made for a run
LONGEST_DRAWN = 32  # symbols, up to which whole maps of a sequence are small and can be read

_models: "OrderedDict[tuple[RunConfig, Weights], Model]" = OrderedDict()
_data: "OrderedDict[tuple[RunConfig, str], RunData]" = OrderedDict()
_told: "OrderedDict[tuple[RunConfig, Weights, Example], Array]" = OrderedDict()
_reading = threading.Lock()  # where runs train in threads, several pages ask in one process


def glance(config: RunConfig, weights: Weights, example: Example, reads: int = MEAN, of: int | None = None) -> Glance:
    """What a page shows at one time; see `Glance`.

    `reads` is the token whose attention is shown, of clips frame by frame. Raises what `inside.look` raises.
    """
    data = _data_of(config)
    found = inside.look_with(model_of(config, weights, data), config, data, weights.step, example)
    if of is None or not 0 <= of < len(found.probabilities):
        of = int(found.probabilities.argmax()) if found.label == UNKNOWN else found.label
    whole = isinstance(config.model, TransformerConfig) and config.model.sequence_length <= LONGEST_DRAWN
    return Glance(
        step=found.step,
        example=found.example,
        label=found.label,
        of=of,
        probabilities=found.probabilities,
        lens=found.lens,
        tokens=found.token_lens[..., of],
        rollout=found.rollout,
        reads=_row(config, found, reads).astype(np.float16),  # for pictures, and many are kept
        time=_over_time(found, reads),
        decoder=found.decoder if whole else None,
        cross=found.cross if whole else None,
    )


def probabilities(config: RunConfig, weights: Sequence[Weights], example: Example) -> Array:
    """What a run answered to one example after each of some steps, (steps, Y); of sequences, at the last place.

    A step whose weights cannot be read has no numbers.
    """
    data = _data_of(config)
    inputs, _ = inside.example_of(config, data, example)
    found = np.full((len(weights), config.model.num_classes), np.nan, np.float32)
    for row, at in zip(found, weights, strict=True):
        key = config, at, example
        if key not in _told:
            with suppress(CheckpointError):
                _told[key] = _answer(model_of(config, at, data), inputs)
        if key in _told:
            row[:] = _told[key]
    while len(_told) > MOST_TOLD:
        _told.popitem(last=False)
    return found


@torch.inference_mode()
def _answer(model: Model, inputs: torch.Tensor) -> Array:
    told = model(inputs[None])[0].softmax(dim=-1)
    found: Array = (told if told.ndim == 1 else told[-1]).numpy()
    return found


def answers(config: RunConfig, weights: Weights) -> Answers:
    """What a model answers to the first examples of the test set; see `inside.answers`."""
    data = _data_of(config)
    return inside.answers_with(model_of(config, weights, data), data)


def occluded(config: RunConfig, weights: Weights, example: Example, of: int | None = None) -> Array:
    """What a class loses where each part is blanked; see `inside.occluded`."""
    data = _data_of(config)
    return inside.occluded_with(model_of(config, weights, data), config, data, example, of)


def labels(config: RunConfig) -> Array:
    """The classes of the first examples of the test set, (n,); (n, L) of sequences."""
    return _data_of(config).test.labels[: inside.MOST_ANSWERS].numpy()


def pictures(config: RunConfig, digits: Sequence[int]) -> Array:
    """Some examples of the test set as a person sees them, 0 to 255: (n, S, S, C), of clips (n, T, S, S, C)."""
    inputs = _data_of(config).test.inputs
    drawn = np.stack([inside.as_drawn(config, inputs[digit]) for digit in digits])
    levels: Array = np.moveaxis((255 * drawn.clip(0, 1)).astype(np.uint8), -3, -1)
    return levels


def _row(config: RunConfig, found: Look, reads: int) -> Array:
    """The weights with which one token reads, or the mean token, of each block and head."""
    attention = found.attention
    if isinstance(config.model, TransformerConfig):
        return attention if attention.shape[-1] <= LONGEST_DRAWN else attention[..., :0, :0]
    if attention.ndim == 5:  # within frames
        frames, places = attention.shape[2], attention.shape[3]
        if not 0 <= reads < frames * places:
            return attention.mean(axis=(2, 3))
        return attention[:, :, reads // places, reads % places]
    return attention[:, :, reads] if 0 <= reads < attention.shape[2] else attention.mean(axis=2)


def _over_time(found: Look, reads: int) -> Array | None:
    if found.time is None:
        return None
    places, frames = found.time.shape[2:4]
    if not 0 <= reads < frames * places:
        return found.time.mean(axis=(2, 3))
    return found.time[:, :, reads % places, reads // places]


def _data_of(config: RunConfig) -> RunData:
    torch.set_num_threads(1)
    alike = config.model_copy(update={"init": InitConfig(), "optim": OptimConfig()})  # twins look at the same
    key = alike, str(data_folder())
    with _reading:
        if key not in _data:
            _data[key] = inside.begun(config)
            while len(_data) > MOST_DATA:
                _data.popitem(last=False)
        _data.move_to_end(key)
        return _data[key]


def model_of(config: RunConfig, weights: Weights, data: RunData | None = None) -> Model:
    """The model of a run at a step: the same weights whoever has written them, for a step has one set of them.

    Kept until others need the memory, so only to be read. Raises CheckpointError.
    """
    key = config, weights
    with _reading:
        if key not in _models:
            _models[key] = inside.model_at(config, weights, data).requires_grad_(False)
            while len(_models) > 1 and sum(map(_bytes, _models.values())) > MOST_BYTES:
                _models.popitem(last=False)
        _models.move_to_end(key)
        return _models[key]


def _bytes(model: Model) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())
