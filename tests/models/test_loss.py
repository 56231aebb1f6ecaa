"""The loss is the one that is named."""

import math

import pytest
import torch

from vit_lab.config import OptimConfig
from vit_lab.models.loss import training_loss

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
