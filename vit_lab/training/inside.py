"""A model at a step of its training, looked at from inside with one example, or asked for all that it would answer.

Functions of plain data (`vit_lab.training.looks`), so that they can be computed in a process of their own.
"""

import math

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.images import black, from_levels
from vit_lab.data.run_data import RunData
from vit_lab.data.sequences import START, Task
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS
from vit_lab.init.build import Model, unfilled
from vit_lab.model_config import TransformerConfig
from vit_lab.probes.lens import lens, token_lens
from vit_lab.probes.maps import maps
from vit_lab.probes.occlusion import occlusion
from vit_lab.settings import ConfigError
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, model_state
from vit_lab.training.looks import UNKNOWN, Answers, Array, Example, Look, Weights
from vit_lab.training.start import model_at_start

AT_ONCE, MOST_ANSWERS = 250, 2_000


def look(config: RunConfig, weights: Weights, example: Example) -> Look:
    """Look at an example, with one intra-op thread.

    Raises ConfigError (digit) of one that there is not, CheckpointError if the weights cannot be read or do not fit,
    DatasetError.
    """
    data = begun(config)
    return look_with(model_at(config, weights, data), config, data, weights.step, example)


def look_with(model: Model, config: RunConfig, data: RunData, step: int, example: Example) -> Look:
    """The same with a model that has been read already. Raises ConfigError."""
    inputs, label = example_of(config, data, example)
    found = maps(model, inputs)
    by_block = lens(model, found.leaving)[:, 0]
    if isinstance(config.model, TransformerConfig):
        by_block = by_block[:, -1]
    return Look(
        step=step,
        example=as_drawn(config, inputs),
        label=int(label.flatten()[-1]),
        probabilities=by_block[-1].numpy(),
        lens=by_block.numpy(),
        token_lens=token_lens(model, found.leaving).flatten(1, 2).numpy(),
        rollout=found.rollout.numpy(),
        attention=found.attention.numpy(),
        time=_array(found.time),
        decoder=_array(found.decoder),
        cross=_array(found.cross),
    )


def occluded(config: RunConfig, weights: Weights, example: Example, of: int | None = None) -> Array:
    """What a class loses where each part of an example is blanked, (N,) or (T, P); raises what `look` raises.

    The class is the true one unless another is asked for. A patch turns black; a symbol of a source becomes the start
    symbol, which no source has.
    """
    data = begun(config)
    return occluded_with(model_at(config, weights, data), config, data, example, of)


def occluded_with(model: Model, config: RunConfig, data: RunData, example: Example, of: int | None = None) -> Array:
    """The same with a model that has been read already. Raises ConfigError."""
    blank = torch.tensor(START) if isinstance(config.model, TransformerConfig) else black(config.data)
    inputs, label = example_of(config, data, example)
    if of is not None and not isinstance(config.model, TransformerConfig):
        label = torch.tensor(of)
    return occlusion(model, inputs, label, blank).numpy()


def answers(config: RunConfig, weights: Weights, most: int = MOST_ANSWERS) -> Answers:
    """Ask a model about the first examples of the run's test set. Raises CheckpointError or DatasetError."""
    data = begun(config)
    return answers_with(model_at(config, weights, data), data, most)


@torch.inference_mode()
def answers_with(model: Model, data: RunData, most: int = MOST_ANSWERS) -> Answers:
    """The same with a model that has been read already."""
    inputs, labels = data.test.inputs[:most], data.test.labels[:most]
    likeliest, true = [], []
    for some, right in zip(inputs.split(AT_ONCE), labels.split(AT_ONCE), strict=True):
        probabilities = model(some).softmax(dim=-1)
        likeliest.append(probabilities.argmax(dim=-1))
        true.append(probabilities.gather(-1, right[..., None])[..., 0])
    return Answers(labels.numpy(), torch.cat(likeliest).numpy(), torch.cat(true).numpy())


def begun(config: RunConfig) -> RunData:
    """The data of a run, looked at with one thread. Raises DatasetError."""
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    return load_run_data(config)


def model_at(config: RunConfig, weights: Weights, data: RunData | None = None) -> Model:
    """The model with its weights; `data` is the run's, read here where a scheme needs it. Raises CheckpointError."""
    if weights.file is None:
        if weights.step:
            raise CheckpointError(f"no weights of step {weights.step} are kept; replay the run to it")
        return model_at_start(config, data)
    model = unfilled(config.model)
    try:
        found = load_checkpoint(weights.file)
        model.load_state_dict(model_state(found))
    except CheckpointError as error:
        raise CheckpointError(f"what is kept of step {weights.step} cannot be read; replay the run to it") from error
    except RuntimeError as error:
        raise CheckpointError(
            f"what is kept of step {weights.step} is of another model; replay the run to it"
        ) from error
    if found.step != weights.step:
        raise CheckpointError(f"what is kept of step {weights.step} is of step {found.step}; replay the run to it")
    return model


def example_of(config: RunConfig, data: RunData, example: Example) -> tuple[Tensor, Tensor]:
    """An example as the model reads it, and its label. Raises ConfigError (digit) of one that there is not."""
    split, model = data.test, config.model
    if isinstance(example, int):
        if not 0 <= example < len(split):
            within = f"the test set of {len(split)}; choose 0 to {len(split) - 1}"
            raise ConfigError("digit", f"{example} is beyond {within}")
        return split.inputs[example], split.labels[example]
    if isinstance(example, tuple):
        return _typed(config, example)
    about = DATASETS[config.data.dataset]
    if about.examples != "images" or about.shape is None or math.prod(about.shape) != len(example):
        raise ConfigError(
            "digit", f"an image of {len(example)} levels is nothing that a {model.kind} of this run reads"
        )
    return from_levels(example, about, config.data.normalise)[0], torch.tensor(UNKNOWN)


def _typed(config: RunConfig, source: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """A source that somebody has typed, what is written so far, and what is to be written."""
    model = config.model
    fits = isinstance(model, TransformerConfig) and len(source) == model.sequence_length
    if not fits or not all(START < symbol < model.num_classes for symbol in source):
        raise ConfigError("digit", f"{' '.join(map(str, source))[:40]!r} is nothing that this run's model reads")
    inputs, labels = Task(config.data.dataset, model.num_classes, len(source)).posed(torch.tensor([source]))
    return inputs[0], labels[0]


def as_drawn(config: RunConfig, example: Tensor) -> Array:
    """Grey levels again: the inverse of `vit_lab.data.images.scaled`."""
    if isinstance(config.model, TransformerConfig):
        return example.numpy()
    taken, divisors = (
        torch.tensor(part)[:, None, None] for part in DATASETS[config.data.dataset].scale(config.data.normalise)
    )
    return (example * divisors + taken).numpy()


def _array(tensor: Tensor | None) -> Array | None:
    return None if tensor is None else tensor.numpy()
