"""What single matrices of a model put out on a batch, for schemes that look at data."""

import torch
from torch import Tensor, nn

from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder


@torch.no_grad()
def output_of(model: nn.Module, batch: Tensor, matrix: Matrix) -> Tensor:
    """The output of one matrix, biases included, in one ordinary forward pass; its last axes are as the model's."""
    if matrix.place.projection in ("q", "k", "v"):  # which share a parameter
        record = Recorder()
        model(batch, record=record)
        return record[matrix.place.whole_part][matrix.place.projection]
    outputs: list[Tensor] = []
    owner = next(module for module in model.modules() if getattr(module, "weight", None) is matrix.parameter)
    handle = owner.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        model(batch)
    finally:
        handle.remove()
    return outputs[0]
