"""A model taken apart: what leaves each of its pieces, and how many numbers each learns."""

import torch
from torch import Tensor, nn

from vit_lab.probes.piece import Piece


@torch.no_grad()
def anatomy(model: nn.Module, inputs: Tensor) -> dict[str, Piece]:
    """Every module that one forward pass calls, by its path, as "encoder.0.attention"; called twice, it counts once."""
    found: dict[str, Piece] = {}

    def keep(path: str, module: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            found[path] = Piece(tuple(output.shape[1:]), sum(p.numel() for p in module.parameters()))

    hooks = [
        module.register_forward_hook(lambda module, _, output, path=path: keep(path, module, output))
        for path, module in model.named_modules()
    ]
    try:
        model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found
