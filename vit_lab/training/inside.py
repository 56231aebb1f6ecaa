"""A model at a step of its training, looked at from inside with one example, or asked for all that it would answer.

Functions of plain data (`vit_lab.training.looks`), so that they can be computed in a process of their own.
"""

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.images import black
from vit_lab.data.run_data import RunData, Split
from vit_lab.data.sequences import START
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS
from vit_lab.init.build import Model, build_model, unfilled
from vit_lab.model_config import TransformerConfig
from vit_lab.probes.lens import lens, token_lens
from vit_lab.probes.maps import maps
from vit_lab.probes.occlusion import occlusion
from vit_lab.settings import ConfigError
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.checkpoint import CheckpointError, load_checkpoint, model_state
from vit_lab.training.looks import Answers, Array, Look, Weights

AT_ONCE, MOST_ANSWERS = 250, 2_000


def look(config: RunConfig, weights: Weights, digit: int) -> Look:
    """Look at an example of the run's test set, counted from 0, with one intra-op thread.

    Raises ConfigError (digit) beyond the test set, CheckpointError if the weights cannot be read or do not fit,
    DatasetError.
    """
    data = _begun(config)
    model = _model(config, weights, data)
    example, label = _example(data.test, digit)
    found = maps(model, example)
    by_block = lens(model, found.leaving)[:, 0]
    if isinstance(config.model, TransformerConfig):
        by_block = by_block[:, -1]
    return Look(
        step=weights.step,
        example=_as_drawn(config, example),
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


def occluded(config: RunConfig, weights: Weights, digit: int) -> Array:
    """What the true class loses where each part of an example is blanked, (N,) or (T, P); raises what `look` raises.

    A patch turns black; a symbol of a source becomes the start symbol, which no source has.
    """
    data = _begun(config)
    blank = torch.tensor(START) if isinstance(config.model, TransformerConfig) else black(config.data)
    return occlusion(_model(config, weights, data), *_example(data.test, digit), blank).numpy()


@torch.inference_mode()
def answers(config: RunConfig, weights: Weights, most: int = MOST_ANSWERS) -> Answers:
    """Ask a model about the first examples of the run's test set. Raises CheckpointError or DatasetError."""
    data = _begun(config)
    model = _model(config, weights, data)
    inputs, labels = data.test.inputs[:most], data.test.labels[:most]
    likeliest, true = [], []
    for some, right in zip(inputs.split(AT_ONCE), labels.split(AT_ONCE), strict=True):
        probabilities = model(some).softmax(dim=-1)
        likeliest.append(probabilities.argmax(dim=-1))
        true.append(probabilities.gather(-1, right[..., None])[..., 0])
    return Answers(labels.numpy(), torch.cat(likeliest).numpy(), torch.cat(true).numpy())


def _begun(config: RunConfig) -> RunData:
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    return load_run_data(config)


def _model(config: RunConfig, weights: Weights, data: RunData) -> Model:
    """The model with its weights. Raises CheckpointError."""
    if weights.file is None:
        if weights.step:
            raise CheckpointError(f"no weights of step {weights.step} are kept; replay the run to it")
        return build_model(config, data.probed(PROBE_IMAGES).inputs)
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


def _example(split: Split, digit: int) -> tuple[Tensor, Tensor]:
    if not 0 <= digit < len(split):
        raise ConfigError("digit", f"{digit} is beyond the test set of {len(split)}; choose 0 to {len(split) - 1}")
    return split.inputs[digit], split.labels[digit]


def _as_drawn(config: RunConfig, example: Tensor) -> Array:
    """Grey levels again: the inverse of `vit_lab.data.images.scaled`."""
    if isinstance(config.model, TransformerConfig):
        return example.numpy()
    taken, divisors = (
        torch.tensor(part)[:, None, None] for part in DATASETS[config.data.dataset].scale(config.data.normalise)
    )
    return (example * divisors + taken).numpy()


def _array(tensor: Tensor | None) -> Array | None:
    return None if tensor is None else tensor.numpy()
