"""The learning rate follows hand-made values, weight decay touches matrices only, the loss is the one that is named."""

import math

import pytest
import torch
from tiny import tiny
from torch import nn

from vit_lab.config import OptimConfig
from vit_lab.init.build import build_model
from vit_lab.models.loss import training_loss
from vit_lab.training.optim import adamw, learning_rate

IMAGES = 50


def rates(**settings):
    """The rate of every update of a run over 50 images, 10 a batch: five steps an epoch."""
    config = OptimConfig(**{"batch_size": 10, "learning_rate": 1.0, "warmup_steps": 0} | settings)
    return [learning_rate(config, step, IMAGES) for step in range(config.total_steps(IMAGES))]


def cosine(*shares):
    return [0.5 * (1 + math.cos(math.pi * share)) for share in shares]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"steps": 4, "schedule": "constant"}, [1, 1, 1, 1]),
        ({"steps": 4, "schedule": "constant", "learning_rate": 0.3}, [0.3] * 4),
        ({"steps": 4, "schedule": "constant", "warmup_steps": 2}, [0.5, 1, 1, 1]),
        ({"steps": 4}, cosine(0, 1 / 4, 2 / 4, 3 / 4)),
        ({"steps": 6, "warmup_steps": 2}, [0.5, 1, *cosine(0, 1 / 4, 2 / 4, 3 / 4)]),
        ({"steps": 3, "warmup_steps": 3}, [1 / 3, 2 / 3, 1]),
        ({"steps": 2, "warmup_steps": 4}, [0.25, 0.5]),
        ({"steps": 1}, [1]),
        ({"epochs": 2, "schedule_unit": "epoch"}, [1.0] * 5 + [0.5] * 5),
        ({"epochs": 2, "schedule_unit": "step"}, cosine(*(step / 10 for step in range(10)))),
        ({"steps": 4, "schedule": "noam"}, [1, 2**-0.5, 3**-0.5, 1 / 2]),
        ({"steps": 6, "schedule": "noam", "warmup_steps": 2}, [1 / 2, 1, *((2 / s) ** 0.5 for s in (3, 4, 5, 6))]),
        ({"steps": 8, "schedule_unit": "epoch"}, [1.0] * 5 + cosine(5 / 8) * 3),
    ],
    ids=str,
)
def test_rates_are_those_computed_by_hand(settings, expected):
    assert rates(**settings) == pytest.approx(expected)


@pytest.mark.parametrize(("dim", "warmup_steps"), [(512, 4), (64, 7)])
def test_noam_is_the_formula_of_the_paper(dim, warmup_steps):
    peak = dim**-0.5 * warmup_steps**-0.5
    theirs = [dim**-0.5 * min(step**-0.5, step * warmup_steps**-1.5) for step in range(1, 21)]  # Eq. 3
    assert rates(steps=20, schedule="noam", learning_rate=peak, warmup_steps=warmup_steps) == pytest.approx(theirs)


@pytest.mark.parametrize("warmup_steps", [0, 1, 7])
def test_the_cosine_ends_at_zero(warmup_steps):
    config = OptimConfig(steps=20, warmup_steps=warmup_steps)
    assert learning_rate(config, 20, IMAGES) == pytest.approx(0, abs=1e-12)
    assert rates(steps=20, warmup_steps=warmup_steps)[warmup_steps:] == sorted(
        rates(steps=20, warmup_steps=warmup_steps)[warmup_steps:], reverse=True
    )


def test_weight_decay_shrinks_matrices_and_nothing_else():
    config = tiny(pool="cls", position="learned", weight_decay=0.5)
    model = build_model(config)
    optimiser = adamw(model, config.optim)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for group in optimiser.param_groups:
        group["lr"] = 0.1
    optimiser.step()
    decayed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert decayed == {name for name in before if name.endswith(".weight") and "norm" not in name}
    assert {"class_token", "position", "head.bias", "norm.weight"} <= set(before) - decayed
    for name, parameter in model.named_parameters():
        if name in decayed:
            torch.testing.assert_close(parameter.detach(), before[name] * (1 - 0.1 * 0.5))


def test_two_steps_equal_adamw_by_hand():
    beta1, beta2, rate, decay = 0.9, 0.7, 0.01, 0.2
    layer = nn.Linear(1, 1, bias=False)
    optimiser = adamw(layer, OptimConfig(beta2=beta2, weight_decay=decay, learning_rate=rate))
    weight, mean, square = layer.weight.item(), 0.0, 0.0
    for step, gradient in enumerate((3.0, -0.5), start=1):
        layer.weight.grad = torch.tensor([[gradient]])
        optimiser.step()
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        direction = mean / (1 - beta1**step) / ((square / (1 - beta2**step)) ** 0.5 + 1e-8)
        weight = weight * (1 - rate * decay) - rate * direction
        assert layer.weight.item() == pytest.approx(weight, rel=1e-5)


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0]])
LABELS = torch.tensor([0, 1])


def cross_entropy(scores, targets):
    """By the definition: scores (B, Y) and target probabilities (B, Y)."""
    log_shares = scores - scores.exp().sum(dim=1, keepdim=True).log()
    return float(-(targets * log_shares).sum(dim=1).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy(smoothing):
    targets = torch.eye(3)[LABELS] * (1 - smoothing) + smoothing / 3
    plain = training_loss(LOGITS, LABELS, OptimConfig(label_smoothing=smoothing))
    assert float(plain) == pytest.approx(cross_entropy(LOGITS, targets))


def test_double_softmax_takes_probabilities_for_logits():
    probabilities = LOGITS.exp() / LOGITS.exp().sum(dim=1, keepdim=True)
    doubled = training_loss(LOGITS, LABELS, OptimConfig(double_softmax=True))
    assert float(doubled) == pytest.approx(cross_entropy(probabilities, torch.eye(3)[LABELS]))


def test_double_softmax_cannot_reach_zero():
    certain = training_loss(100 * torch.eye(10), torch.arange(10), OptimConfig(double_softmax=True))
    assert float(certain) == pytest.approx(math.log(math.e + 9) - 1)
