"""torch's AdamW and SGD by their functional form, which its optimiser classes call with the same numbers.

Those classes load torch's compiler when they are made: a second and more of a core and 110 MB of memory, in each
process that trains (docs/decisions/045). Settings, state and its names are as theirs, and so are results, to the bit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

EPSILON = 1e-8  # torch's own


class Updates(Protocol):
    """What turns gradients into updates of weights, as torch.optim.Optimizer does."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Parameters that share settings, under "params", and beside them the settings by name, "lr" one of them."""

    @property
    def state(self) -> MutableMapping[Tensor, dict[str, Any]]:
        """What is kept for a parameter from step to step, by name."""

    def step(self) -> object:
        """One update. A parameter without a gradient stays as it is."""


class Grouped:
    """Parameters in groups; each group has its own settings, or those of `defaults`."""

    def __init__(self, groups: Iterable[Mapping[str, Any]], **defaults: Any):
        self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in groups]
        self.state: dict[Tensor, dict[str, Any]] = defaultdict(dict)


class AdamW(Grouped):
    """AdamW (Loshchilov & Hutter 2019, Algorithm 2). Groups have "weight_decay".

    `fused`: an update is a single kernel, and its count of steps lies where the weights do.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]], *, lr: float, betas: tuple[float, float], fused: bool):
        super().__init__(groups, lr=lr, betas=betas, fused=fused)

    @torch.no_grad()
    def step(self) -> None:
        """One update. A parameter without a gradient stays as it is."""
        for group in self.param_groups:
            learning = [parameter for parameter in group["params"] if parameter.grad is not None]
            kept = [self._kept(parameter, group["fused"]) for parameter in learning]
            adamw(
                learning,
                [parameter.grad for parameter in learning],
                [one["exp_avg"] for one in kept],
                [one["exp_avg_sq"] for one in kept],
                [],
                [one["step"] for one in kept],
                fused=group["fused"],
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=EPSILON,
                maximize=False,
            )

    def _kept(self, parameter: Tensor, fused: bool) -> dict[str, Any]:
        kept = self.state[parameter]
        if not kept:
            kept["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device if fused else "cpu")
            kept["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            kept["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return kept


class SGD(Grouped):
    """SGD with momentum (Sutskever et al. 2013, Sec. 2). Groups have "weight_decay"."""

    def __init__(self, groups: Iterable[Mapping[str, Any]], *, lr: float, momentum: float, nesterov: bool):
        super().__init__(groups, lr=lr, momentum=momentum, nesterov=nesterov)

    @torch.no_grad()
    def step(self) -> None:
        """One update. A parameter without a gradient stays as it is."""
        for group in self.param_groups:
            learning = [parameter for parameter in group["params"] if parameter.grad is not None]
            momenta = [self.state[parameter].get("momentum_buffer") for parameter in learning]
            sgd(
                learning,
                [parameter.grad for parameter in learning],
                momenta,
                weight_decay=group["weight_decay"],
                momentum=group["momentum"],
                lr=group["lr"],
                dampening=0.0,
                nesterov=group["nesterov"],
                maximize=False,
            )
            if group["momentum"] != 0:
                for parameter, momentum in zip(learning, momenta, strict=True):  # the first step has made them
                    self.state[parameter]["momentum_buffer"] = momentum
