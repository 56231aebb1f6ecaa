"""A map of starts: many configs at step 0, on one batch, with what a cell of the map shows. Nothing is trained.

As a preflight, less what takes time and no cell shows: gradients, spectra, logits of single heads.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.run_data import Split
from vit_lab.init.build import Model, build_model
from vit_lab.init.rescaled import Rescaled, unscaled
from vit_lab.models.attention import attention_weights
from vit_lab.probes.attention import attention_entropy
from vit_lab.probes.gauge import Cell, gauge
from vit_lab.probes.heads import Heads
from vit_lab.probes.preflight import start_of
from vit_lab.probes.signal import token_similarity
from vit_lab.probes.trace import trace_and_logits

WEIGHTS_AT_ONCE = 2**22  # attention weights that are worked on together


@torch.no_grad()
def starts(configs: Sequence[RunConfig], batch: Split) -> list[Cell]:
    """A cell for each config, in their order. All must read the same data, and start from the same seed."""
    cells = {index: _cell(model, batch) for index, model in _models(configs, batch)}
    return [cells[index] for index in range(len(configs))]


def spread_of_scores(heads: Heads) -> float:
    """Std of the scores q.k / sqrt(K) over the keys of one query, their mean over queries, heads and images.

    What all keys have in common is gone from it, and the softmax does not see that either.
    """
    spreads = [_spread(part) * len(part.q) for part in _parts(heads)]
    return float(torch.stack(spreads).sum()) / len(heads.q)


def largest_spread(tokens: int) -> float:
    """The spread at which the scores of so many tokens leave their uniform phase, sqrt(2 ln N).

    Giorlandino & Goldt 2025 (arXiv 2505.24333), as N grows: the std of a score passes sqrt(2 ln N / (1 - p)), p the
    mean cosine between tokens. That share p of its variance is alike for all keys of a query, so that within a row
    a std of sqrt(2 ln N) is left.
    """
    return math.sqrt(2 * math.log(tokens))


def _models(configs: Sequence[RunConfig], batch: Split) -> Iterator[tuple[int, Model]]:
    """(index, model) of each config; those of one draw follow one another, and are the same object at other scales."""
    alike: dict[RunConfig, list[int]] = {}
    for index, config in enumerate(configs):
        if (draw := unscaled(config)) is None:
            yield index, build_model(config, batch.inputs)
        else:
            alike.setdefault(draw, []).append(index)
    for draw, indices in alike.items():
        rescaled = Rescaled(draw)
        yield from ((index, rescaled.at(configs[index].init)) for index in indices)


def _cell(model: Model, batch: Split) -> Cell:
    passed, logits = trace_and_logits(model, batch.inputs)
    entropies = [entropy for heads in passed.heads for entropy in _entropies(heads)]
    start = start_of(passed, entropies, logits, batch.labels)
    tokens = passed.tokens[0].shape[1]
    return Cell(
        start=start,
        findings=gauge(start),
        similarity=float(token_similarity(passed.tokens[-1])),
        spread=spread_of_scores(passed.heads[0]) / largest_spread(tokens) if tokens > 1 else math.nan,
    )


def _entropies(heads: Heads) -> list[float]:
    """The attention entropy of each head."""
    entropies = [attention_entropy(attention_weights(part.q, part.k)) * len(part.q) for part in _parts(heads)]
    return (torch.stack(entropies).sum(dim=0) / len(heads.q)).tolist()


def _spread(heads: Heads) -> Tensor:
    scores = heads.scores
    return (scores - scores.mean(dim=-1, keepdim=True)).square().mean(dim=-1).sqrt().mean()


def _parts(heads: Heads) -> Iterator[Heads]:
    """Some images at a time, for attention weights of a whole batch may fill gigabytes."""
    size = max(1, WEIGHTS_AT_ONCE // (heads.q.shape[1] * heads.q.shape[2] * heads.k.shape[2]))
    for q, k, v in zip(heads.q.split(size), heads.k.split(size), heads.v.split(size), strict=True):
        yield Heads(q, k, v)
