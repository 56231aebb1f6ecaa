"""AdamW and its learning rate over time.

AdamW: Loshchilov & Hutter 2019. Cosine schedule: Loshchilov & Hutter 2017, Eq. 5, without restarts. Noam schedule:
Vaswani et al. 2017, Eq. 3, told by its peak: their factor dim^-0.5 warmup^-0.5 is our learning_rate.
"""

import math

import torch
from torch import nn

from vit_lab.config import OptimConfig


def adamw(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """The optimiser of a run: weight decay on matrices, none on biases, norms, class token and positions."""
    parameters = list(model.parameters())
    decayed, free = [p for p in parameters if p.ndim == 2], [p for p in parameters if p.ndim != 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


def learning_rate(config: OptimConfig, step: int, train_images: int) -> float:
    """The rate of the update that leads from `step` to `step + 1`.

    Linear warm-up, then cosine to 0, the root of 1 / step, or constant.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "noam":  # changes at each step, whatever the unit
        return config.learning_rate * math.sqrt(max(config.warmup_steps, 1) / (step + 1))
    total, unit = config.total_steps(train_images), 1
    if config.schedule_unit == "epoch":
        unit = config.steps_per_epoch(train_images)
    start = config.warmup_steps
    done = ((step - start) // unit * unit) / max(total - start, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
