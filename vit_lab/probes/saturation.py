"""How the softmax of attention saturates as the queries and keys start larger."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.init.build import build_model
from vit_lab.places import Place
from vit_lab.probes.rows import by_head
from vit_lab.probes.trace import trace
from vit_lab.settings import configure


@torch.no_grad()
def by_qk_scale(
    config: RunConfig, inputs: Tensor, scales: Sequence[float]
) -> Iterable[tuple[float, str, Place, float]]:
    """(scale, measure, place, value): entropy and max logit of every head at step 0, by scale of the variance of q, k.

    All scales share one draw. A logit is a product of a query and a key, so it grows as the variance of their weights.
    """
    for scale in scales:
        model = build_model(configure(config, qk_scale=scale), inputs)
        yield from ((scale, *row) for row in by_head(trace(model, inputs)))
