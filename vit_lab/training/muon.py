"""Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum, made orthogonal.

torch.optim.Muon takes a parameter as one matrix; here queries, keys and values share one and are matrices each, and
the iteration runs in the precision of the weights, so that a run is the same on every machine without bfloat16.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vit_lab.training.updates import Grouped

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the slope at 0 is as steep as it can be
ROUNDS = 5
RMS_OF_ADAMW = 0.2  # Liu et al. 2025, arXiv 2502.16982, Sec. 2.2: so that both can share a learning rate


def orthogonalised(matrices: Tensor) -> Tensor:
    """U S' V^T for each matrix U S V^T, S' between about 0.7 and 1.2: five rounds of Newton-Schulz.

    (B, n, m), all at once, which takes half the time of one by one. Same shape.
    """
    a, b, c = COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)  # ax + (bG + cGG)x, G = xx^T
    return x.mT if is_tall else x


class Muon(Grouped):
    """Updates matrices by their orthogonalised Nesterov momentum, and shrinks them by decoupled weight decay.

    An update of a matrix (n, m) has a root mean square of about 0.2, as AdamW's have: it is scaled by
    0.2 sqrt(max(n, m)) (Liu et al. 2025, Eq. 4).
    """

    def __init__(
        self, rows: Mapping[Tensor, Sequence[slice | None]], *, lr: float, momentum: float, weight_decay: float
    ):
        """`rows`: of each parameter the rows that are matrices by themselves; None for all of it."""
        super().__init__([{"params": rows}], lr=lr, momentum=momentum, weight_decay=weight_decay)
        self._rows = rows

    @torch.no_grad()
    def step(self) -> None:
        """One update. A parameter without a gradient stays as it is."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}  # matrices, and where each should go
            for parameter in group["params"]:
                if parameter.grad is not None:
                    ahead = self._ahead(parameter, group["momentum"])
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    for rows in self._rows[parameter]:
                        own, update = (parameter, ahead) if rows is None else (parameter[rows], ahead[rows])
                        by_shape.setdefault(own.shape, []).append((own, update))
            for shape, pairs in by_shape.items():
                size = group["lr"] * RMS_OF_ADAMW * math.sqrt(max(shape))
                updates = size * orthogonalised(torch.stack([update for _, update in pairs]))
                for (own, _), update in zip(pairs, updates, strict=True):
                    own.sub_(update)

    def _ahead(self, parameter: Tensor, factor: float) -> Tensor:
        """The gradient, as far ahead along its momentum as Nesterov's goes. Brings the momentum up to date."""
        kept = self.state[parameter]
        if not kept:
            kept["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = kept["momentum_buffer"]
        assert parameter.grad is not None
        momentum.lerp_(parameter.grad, 1 - factor)
        return parameter.grad.lerp(momentum, factor)
