"""What training makes small."""

import torch.nn.functional as F
from torch import Tensor

from vit_lab.config import OptimConfig


def training_loss(logits: Tensor, labels: Tensor, config: OptimConfig) -> Tensor:
    """Mean cross-entropy of a batch in nats. With double_softmax, probabilities stand in for the logits."""
    scores = logits.softmax(dim=-1) if config.double_softmax else logits
    return F.cross_entropy(scores, labels, label_smoothing=config.label_smoothing)
