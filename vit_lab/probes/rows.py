"""All probes of a model together, as rows (measure, place, value).

A place is a group ("qk"), a layer (block.group, "2.qk", blocks counted from 1; "embed" and "head" have no block; see vit_lab.init.Matrix.layer),
a depth ("0" before the first block, "2" after the second) or a head (block/head, "2/0").
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from vit_lab.init import Model
from vit_lab.probes.attention import head_measures
from vit_lab.probes.signal import effective_rank, rms, token_similarity
from vit_lab.probes.trace import Trace, trace
from vit_lab.probes.weights import Row

SIGNAL_MEASURES = ("activation_rms", "token_similarity", "effective_rank")
HEAD_MEASURES = ("attention_entropy", "max_attention_logit")


@torch.no_grad()
def signal_and_attention(model: Model, inputs: Tensor) -> list[Row]:
    """Activation RMS, token similarity and effective rank by depth; attention entropy and max logit by head."""
    return [*by_depth(model, passed := trace(model, inputs)), *by_head(passed)]


def by_depth(model: Model, passed: Trace) -> Iterable[Row]:
    """SIGNAL_MEASURES before the first block and after each."""
    measures = [torch.stack([rms(x), token_similarity(x), effective_rank(model.pooled(x))]) for x in passed.tokens]
    for depth, values in enumerate(torch.stack(measures).tolist()):
        yield from ((measure, str(depth), value) for measure, value in zip(SIGNAL_MEASURES, values, strict=True))


def by_head(passed: Trace) -> Iterable[Row]:
    """HEAD_MEASURES of every head of every block."""
    for block, (q, k) in enumerate(passed.queries_keys, start=1):
        for measure, values in zip(HEAD_MEASURES, head_measures(q, k), strict=True):
            yield from ((measure, f"{block}/{head}", value) for head, value in enumerate(values.tolist()))
