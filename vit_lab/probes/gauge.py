"""A plain word for how a model starts, from its probes at step 0.

The thresholds are this lab's own. They were set on the classroom model so that `linear-default`, `xavier`, `kaiming`
and `vit` read as healthy (a rare seed excepted), and variances a hundred times off do not. Other shapes shift them:
`vit` at width 8 is silent, `kaiming` at depth 24 explodes.

| word | rule | what it means |
| --- | --- | --- |
| blocks are silent | block_share < 0.025 | a block adds less than 2.5 % to its tokens: depth does nothing yet |
| attention saturates | mean attention_entropy < 0.4 | each token looks at one other; hardly any gradient passes |
| signal explodes | activation_rms grows more than 5-fold over the blocks | later blocks drown out the earlier |
| overconfident start | loss exceeds ln(classes) by more than 1.5 nats | the first steps unlearn random certainty |
| not a number | the loss is not finite | the forward pass overflows; nothing else can be said |
| healthy | none of these | |
"""

import math
from dataclasses import dataclass

from vit_lab.events import Row

HEAD_MEASURES = ("attention_entropy", "max_attention_logit")
SMALLEST_BLOCK_SHARE = 0.025
SMALLEST_ENTROPY = 0.4
LARGEST_GROWTH = 5.0
LARGEST_LOSS_EXCESS = 1.5


@dataclass(frozen=True)
class Start:
    """A model at step 0, in the numbers that the gauge reads.

    `block_share` is RMS(x_L - x_0) / (RMS(x_0) sqrt(L)), `growth` RMS(x_L) / RMS(x_0) for the tokens x_0 before the
    first and x_L after the last of L blocks; the root is there since independent blocks add in squares. `entropy` is
    the mean attention entropy in [0, 1]; `loss` in nats.
    """

    block_share: float
    growth: float
    entropy: float
    loss: float
    num_classes: int


@dataclass(frozen=True)
class Preflight:
    """A model at step 0. `rows` are (measure, place, value) as in a run; `findings` is empty for a healthy start."""

    rows: list[Row]
    start: Start
    findings: list[str]


@dataclass(frozen=True)
class Cell:
    """One config on a map of starts. `start` and `findings` are those of its preflight; the signal is `start.growth`.

    `similarity` is the mean cosine between the tokens after the last block. `spread` is the std of the first block's
    scores within a row, over that at which attention leaves its uniform phase (`vit_lab.probes.starts`); NaN where a
    token is alone.
    """

    start: Start
    findings: list[str]
    similarity: float
    spread: float


def gauge(start: Start) -> list[str]:
    """What is unusual about a start, the most telling first; empty if it is healthy."""
    if not math.isfinite(start.loss):
        return ["not a number"]
    excess = start.loss - math.log(start.num_classes)
    findings = {
        "blocks are silent": start.block_share < SMALLEST_BLOCK_SHARE,
        "attention saturates": start.entropy < SMALLEST_ENTROPY,
        "signal explodes": start.growth > LARGEST_GROWTH,
        "overconfident start": excess > LARGEST_LOSS_EXCESS,
    }
    return [word for word, found in findings.items() if found]
