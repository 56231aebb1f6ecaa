"""What optimisers keep from step to step, whatever it is: into a checkpoint and back, equal to the bit.

Tensors lie among those of the checkpoint, named `optimiser.NAME.KEY` after the parameter and what its optimiser calls
them (no KEY has a dot in it). Plain values lie among its counters, as {NAME: {KEY: value}}.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vit_lab.training.updates import Updates

PREFIX = "optimiser."
SHAPED = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer")  # what torch's optimisers keep for each number
Plain = bool | int | float | str | None  # what JSON gives back as it was


def kept_tensors(model: nn.Module, optimisers: Sequence[Updates]) -> dict[str, Tensor]:
    """The tensors that the optimisers of a model keep now, not copied, by their names in a checkpoint."""
    kept = _kept(model, optimisers)
    return {f"{PREFIX}{name}.{key}": value for name, key, value in kept if isinstance(value, Tensor)}


def kept_values(model: nn.Module, optimisers: Sequence[Updates]) -> dict[str, dict[str, Plain]]:
    """The plain values that they keep, by parameter and key. Raises TypeError if one is neither plain nor a tensor."""
    values: dict[str, dict[str, Plain]] = {}
    for name, key, value in _kept(model, optimisers):
        if isinstance(value, Plain):
            values.setdefault(name, {})[key] = value
        elif not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(
                f"an optimiser keeps a {kind} as {key}; a checkpoint holds tensors, numbers, words and None"
            )
    return values


def put_back(
    model: nn.Module,
    optimisers: Sequence[Updates],
    tensors: Mapping[str, Tensor],
    values: Mapping[str, Mapping[str, Plain]],
) -> None:
    """Give optimisers as they were built what `kept_tensors` and `kept_values` of the same model were.

    Raises KeyError if something is for a parameter that they do not have, ValueError if it has not its shape.
    """
    homes = {name: (optimiser, group, p) for name, optimiser, group, p in _parameters(model, optimisers)}
    for path, tensor in tensors.items():
        if path.startswith(PREFIX):
            name, _, key = path.removeprefix(PREFIX).rpartition(".")
            optimiser, group, parameter = homes[name]
            if key in SHAPED and tensor.shape != parameter.shape:  # torch's kernels do not look
                raise ValueError(f"{path} has another shape than its parameter")
            # As in torch's own load_state_dict: a count of steps stays on the CPU unless a kernel reads it.
            on_cpu = key == "step" and not (group.get("fused") or group.get("capturable"))
            optimiser.state.setdefault(parameter, {})[key] = tensor.to("cpu" if on_cpu else parameter.device, copy=True)
    for name, own in values.items():
        optimiser, _, parameter = homes[name]
        optimiser.state.setdefault(parameter, {}).update(own)


def _kept(model: nn.Module, optimisers: Sequence[Updates]) -> Iterator[tuple[str, str, Any]]:
    for name, optimiser, _, parameter in _parameters(model, optimisers):
        for key, value in optimiser.state.get(parameter, {}).items():
            yield name, key, value


def _parameters(
    model: nn.Module, optimisers: Sequence[Updates]
) -> Iterator[tuple[str, Updates, dict[str, Any], torch.nn.Parameter]]:
    """Every parameter that is optimised, with its name, its optimiser and its group there."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            yield from ((names[parameter], optimiser, group, parameter) for parameter in group["params"])
