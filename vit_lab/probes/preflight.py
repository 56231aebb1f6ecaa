"""Preflight: every probe of a model at step 0, before any training, fast enough to follow a slider."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from vit_lab.config import GroupName, RunConfig
from vit_lab.data.run_data import Split
from vit_lab.init.build import Model, build_model
from vit_lab.init.residual import rule_of
from vit_lab.init.schemes import expected_variance
from vit_lab.models.loss import training_loss
from vit_lab.places import Place
from vit_lab.probes.gauge import Preflight, Start, gauge
from vit_lab.probes.rows import by_depth, by_head
from vit_lab.probes.signal import rms
from vit_lab.probes.trace import Trace, trace
from vit_lab.probes.weights import gradient_rows, layers, spectrum_rows, weight_rows


def preflight(config: RunConfig, batch: Split) -> Preflight:
    """Build the model of a run, push one batch through it and back, and look. Nothing is trained.

    With what the run's own probes look at, it starts as the run does. Besides a run's measures, `rows` has the std that
    the init scheme promises, as ("expected_std", group, value), and what the spectra of the matrices span.
    """
    model = build_model(config, batch.inputs)
    logits = model(batch.inputs)
    training_loss(logits, batch.labels, config.optim).backward()
    passed = trace(model, batch.inputs)
    weights = layers(model)
    rows = [*by_depth(model, passed), *by_head(passed), *gradient_rows(model), *weight_rows(weights, weights)]
    rows += spectrum_rows(model)
    rows += [("expected_std", Place(group=group), std) for group, std in expected_std(model, config).items()]
    entropies = [value for measure, _, value in rows if measure == "attention_entropy"]
    start = start_of(passed, entropies, logits.detach(), batch.labels)
    return Preflight(rows, start, gauge(start))


def start_of(passed: Trace, entropies: Sequence[float], logits: Tensor, labels: Tensor) -> Start:
    """What the gauge reads: of one pass of a batch, with the entropy of each head and the logits (B, ..., Y)."""
    first, last = passed.tokens[0], passed.tokens[-1]
    return Start(
        block_share=float(rms(last - first) / rms(first)) / math.sqrt(len(passed.heads)),
        growth=float(rms(last) / rms(first)),
        entropy=sum(entropies) / len(entropies),
        loss=float(F.cross_entropy(logits.flatten(0, -2), labels.flatten())),
        num_classes=logits.shape[-1],
    )


def expected_std(model: Model, config: RunConfig) -> dict[GroupName, float]:
    """The std that the scheme's formula gives for all weights of a group together; NaN where it has none."""
    variance_sum: dict[GroupName, float] = {}
    count: dict[GroupName, int] = {}
    rule = rule_of(config.model, config.init)
    for matrix in model.matrices():
        size, factor = matrix.weight.numel(), rule(matrix.place)
        promised = expected_variance(config.init, matrix.place, *matrix.fans, blocks=config.model.depth)
        variance = promised * factor**2 if factor else 0.0
        variance_sum[matrix.group] = variance_sum.get(matrix.group, 0.0) + size * variance
        count[matrix.group] = count.get(matrix.group, 0) + size
    return {group: math.sqrt(variance_sum[group] / count[group]) for group in count}
