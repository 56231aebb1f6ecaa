"""Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum, made orthogonal.

torch.optim.Muon takes a parameter as one matrix; here queries, keys and values share one and are matrices each, and
the iteration runs in the precision of the weights, so that a run is the same on every machine without bfloat16.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the slope at 0 is as steep as it can be
ROUNDS = 5
RMS_OF_ADAMW = 0.2  # Liu et al. 2025, arXiv 2502.16982, Sec. 2.2: so that both can share a learning rate


def orthogonalised(matrix: Tensor) -> Tensor:
    """U S' V^T for a matrix U S V^T, S' between about 0.7 and 1.2: five rounds of Newton-Schulz. Same shape."""
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)  # ax + (bG + cGG)x, G = xx^T
    return x.T if is_tall else x


class Muon(torch.optim.Optimizer):
    """Updates matrices by their orthogonalised Nesterov momentum, and shrinks them by decoupled weight decay.

    An update of a matrix (n, m) has a root mean square of about 0.2, as AdamW's have: it is scaled by
    0.2 sqrt(max(n, m)) (Liu et al. 2025, Eq. 4).
    """

    def __init__(
        self, rows: Mapping[Tensor, Sequence[slice | None]], *, lr: float, momentum: float, weight_decay: float
    ):
        """`rows`: of each parameter the rows that are matrices by themselves; None for all of it."""
        super().__init__(list(rows), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._rows = rows

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update. A parameter without a gradient stays as it is."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: Mapping[str, float]) -> None:
        kept = self.state[parameter]
        if not kept:
            kept["momentum_buffer"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        momentum: Tensor = kept["momentum_buffer"]
        momentum.lerp_(parameter.grad, 1 - group["momentum"])
        ahead = parameter.grad.lerp(momentum, group["momentum"])
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        for rows in self._rows[parameter]:
            own, update = (parameter, ahead) if rows is None else (parameter[rows], ahead[rows])
            own.sub_(group["lr"] * RMS_OF_ADAMW * math.sqrt(max(own.shape)) * orthogonalised(update))
