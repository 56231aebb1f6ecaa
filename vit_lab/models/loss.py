"""What training makes small."""

import torch.nn.functional as F
from torch import Tensor

from vit_lab.config import OptimConfig


def training_loss(logits: Tensor, labels: Tensor, config: OptimConfig) -> Tensor:
    """Mean cross-entropy of a batch in nats, logits (..., Y) and labels (...).

    Label smoothing: Vaswani et al. 2017, Sec. 5.4. With double_softmax, probabilities stand in for the logits.
    """
    scores = logits.softmax(dim=-1) if config.double_softmax else logits
    return F.cross_entropy(scores.flatten(0, -2), labels.flatten(), label_smoothing=config.label_smoothing)
