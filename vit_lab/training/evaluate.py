"""Loss and accuracy over a whole split."""

import torch
import torch.nn.functional as F
from torch import nn

from vit_lab.data.run_data import Split


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, at_once: int = 250) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy as a fraction, without dropout, over labels: one an image, L a sequence.

    The split is on the model's device. Few images `at_once` keep the activations in the processor's cache.
    """
    loss = torch.zeros((), device=split.labels.device)
    correct = torch.zeros((), dtype=torch.long, device=split.labels.device)
    for inputs, labels in zip(split.inputs.split(at_once), split.labels.split(at_once), strict=True):
        logits = model(inputs)
        loss += F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="sum")
        correct += (logits.argmax(dim=-1) == labels).sum()
    return float(loss) / split.labels.numel(), int(correct) / split.labels.numel()
