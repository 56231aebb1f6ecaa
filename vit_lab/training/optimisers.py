"""The optimisers as a table: where each comes from, which settings it reads, and how it is built for a model.

torch is loaded when one is built, not before, so a page can show the table without it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from vit_lab.config import OptimConfig, OptimiserName

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vit_lab.init.build import Model
    from vit_lab.training.updates import Updates


@dataclass(frozen=True)
class Optimiser:
    """One way to turn gradients into updates.

    Attributes:
        source: the paper, and the place in it.
        settings: what it reads of OptimConfig. Its learning rate is set anew at each step, by the schedule.
        build: makes it for a model, on the model's device. It may be several at once, and each parameter belongs to one
            of them; an optimiser of torch's own will do. What they keep in `state` for a parameter comes back when a
            run is resumed: tensors of any shape, numbers, words and None.
    """

    source: str
    settings: tuple[str, ...]
    build: Callable[["nn.Module", OptimConfig], Sequence["Updates"]]


def by_decay(parameters: Iterable["Tensor"], config: OptimConfig) -> list[dict[str, Any]]:
    """Parameter groups: those that weight decay shrinks, and the others.

    Unless `decay` says all, the others are biases, norms, class token and positions: what is no matrix.
    """
    decayed: list[Tensor] = []
    free: list[Tensor] = []
    for parameter in parameters:
        (decayed if config.decay == "all" or parameter.ndim == 2 else free).append(parameter)
    return [{"params": decayed, "weight_decay": config.weight_decay}, {"params": free, "weight_decay": 0.0}]


def adamw(model: "nn.Module", config: OptimConfig) -> list["Updates"]:
    """One AdamW for all parameters."""
    return [_adamw(list(model.parameters()), config)]


def _adamw(parameters: Sequence["Tensor"], config: OptimConfig) -> "Updates":
    """An update is a single kernel where every torch that we support has one."""
    from vit_lab.training.updates import AdamW

    groups, betas = by_decay(parameters, config), (config.beta1, config.beta2)
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
    return AdamW(groups, lr=config.learning_rate, betas=betas, fused=fused)


def sgd(model: "nn.Module", config: OptimConfig) -> list["Updates"]:
    """One SGD for all parameters; its weight decay goes through the momentum, as torch has it."""
    from vit_lab.training.updates import SGD

    nesterov = config.nesterov and config.momentum > 0  # torch has none without momentum
    groups = by_decay(model.parameters(), config)
    return [SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=nesterov)]


def muon(model: "nn.Module", config: OptimConfig) -> list["Updates"]:
    """Muon for the matrices of the blocks, queries, keys and values each for itself; AdamW for the rest."""
    from vit_lab.training.muon import Muon

    rows: dict[Tensor, list[slice | None]] = {}
    for matrix in cast("Model", model).matrices():
        if matrix.place.block is not None:
            rows.setdefault(matrix.parameter, []).append(matrix.rows)
    rest = [parameter for parameter in model.parameters() if parameter not in rows]
    of_blocks = Muon(rows, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay)
    return [of_blocks, _adamw(rest, config)]


OPTIMISERS: dict[OptimiserName, Optimiser] = {
    "adamw": Optimiser(
        source="Loshchilov & Hutter 2019, Algorithm 2",
        settings=("learning_rate", "weight_decay", "decay", "beta1", "beta2"),
        build=adamw,
    ),
    "sgd": Optimiser(
        source="Sutskever et al. 2013, Sec. 2",
        settings=("learning_rate", "momentum", "nesterov", "weight_decay", "decay"),
        build=sgd,
    ),
    "muon": Optimiser(
        source="Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982, for the size of an update",
        settings=("learning_rate", "momentum", "weight_decay", "decay", "beta1", "beta2"),
        build=muon,
    ),
}
