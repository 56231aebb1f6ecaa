"""All probes of a model together, as rows (measure, place, value); see `vit_lab.places`."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from vit_lab.events import Row
from vit_lab.init.build import Model
from vit_lab.places import Place
from vit_lab.probes.attention import head_measures
from vit_lab.probes.gauge import HEAD_MEASURES
from vit_lab.probes.signal import effective_rank, rms, token_similarity
from vit_lab.probes.trace import Trace, trace

# What is measured of the tokens at each depth, (B, N, D) -> ()
SIGNAL_MEASURES: dict[str, Callable[[Model, Tensor], Tensor]] = {
    "activation_rms": lambda model, tokens: rms(tokens),
    "token_similarity": lambda model, tokens: token_similarity(tokens),
    "effective_rank": lambda model, tokens: effective_rank(model.pooled(tokens)),
}


@torch.no_grad()
def signal_and_attention(model: Model, inputs: Tensor) -> list[Row]:
    """SIGNAL_MEASURES by depth, then HEAD_MEASURES by head."""
    return [*by_depth(model, passed := trace(model, inputs)), *by_head(passed)]


def by_depth(model: Model, passed: Trace) -> Iterable[Row]:
    """SIGNAL_MEASURES before the first block and after each."""
    measures = [torch.stack([measure(model, x) for measure in SIGNAL_MEASURES.values()]) for x in passed.tokens]
    for depth, values in enumerate(torch.stack(measures).tolist()):
        yield from (
            (measure, Place(depth=depth), value) for measure, value in zip(SIGNAL_MEASURES, values, strict=True)
        )


def by_head(passed: Trace) -> Iterable[Row]:
    """HEAD_MEASURES of every head of every block."""
    for number, heads in enumerate(passed.heads, start=1):
        attention = Place(block=number, part="attention")
        for measure, values in zip(HEAD_MEASURES, head_measures(heads.q, heads.k), strict=True):
            yield from ((measure, attention.of_head(head), value) for head, value in enumerate(values.tolist()))
