"""Preflight: every probe of a model at step 0, before any training, fast enough to follow a slider."""

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import nn

from vit_lab.config import InitConfig, RunConfig
from vit_lab.data.run_data import Split
from vit_lab.init import build_model, matrices
from vit_lab.models.loss import training_loss
from vit_lab.probes.gauge import Start, gauge
from vit_lab.probes.rows import by_depth, by_head
from vit_lab.probes.signal import rms
from vit_lab.probes.trace import trace
from vit_lab.probes.weights import Row, gradient_rows, layers, weight_rows
from vit_lab.schemes import expected_variance


@dataclass(frozen=True)
class Preflight:
    """A model at step 0. `rows` are (measure, place, value) as in a run; `findings` is empty for a healthy start."""

    rows: list[Row]
    start: Start
    findings: list[str]


def preflight(config: RunConfig, batch: Split) -> Preflight:
    """Build the model of a run, push one batch through it and back, and look. Nothing is trained.

    Besides a run's measures, `rows` has the std that the init scheme promises, as ("expected_std", group, value).
    """
    model = build_model(config)
    logits = model(batch.inputs)
    training_loss(logits, batch.labels, config.optim).backward()
    passed = trace(model, batch.inputs)
    weights = layers(model)
    rows = [*by_depth(model, passed), *by_head(passed), *gradient_rows(model), *weight_rows(weights, weights)]
    rows += [("expected_std", group, std) for group, std in expected_std(model, config.init).items()]
    first, last = passed.tokens[0], passed.tokens[-1]
    entropies = [value for measure, _, value in rows if measure == "attention_entropy"]
    start = Start(
        block_share=float(rms(last - first) / rms(first)) / math.sqrt(len(passed.queries_keys)),
        growth=float(rms(last) / rms(first)),
        entropy=sum(entropies) / len(entropies),
        loss=float(F.cross_entropy(logits.detach().flatten(0, -2), batch.labels.flatten())),
        num_classes=config.model.num_classes,
    )
    return Preflight(rows, start, gauge(start))


def expected_std(model: nn.Module, init: InitConfig) -> dict[str, float]:
    """The std that the scheme's formula gives for all weights of a group together."""
    variance_sum: dict[str, float] = {}
    count: dict[str, int] = {}
    for matrix in matrices(model):
        size = matrix.weight.numel()
        variance = 0.0 if matrix.zero else expected_variance(init, matrix.group, *matrix.fans)
        variance_sum[matrix.group] = variance_sum.get(matrix.group, 0.0) + size * variance
        count[matrix.group] = count.get(matrix.group, 0) + size
    return {group: math.sqrt(variance_sum[group] / count[group]) for group in count}
