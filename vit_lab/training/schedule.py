"""The learning rate over time.

Cosine: Loshchilov & Hutter 2017, Eq. 5, without restarts. Noam: Vaswani et al. 2017, Eq. 3, told by its peak: their
factor dim^-0.5 warmup^-0.5 is our learning_rate.
"""

import math

from vit_lab.config import OptimConfig


def learning_rate(config: OptimConfig, step: int, examples: int) -> float:
    """The rate of the update that leads from `step` to `step + 1`, of a run that learns from that many examples.

    Linear warm-up, then cosine to 0, the root of 1 / step, or constant.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "noam":  # changes at each step, whatever the unit
        return config.learning_rate * math.sqrt(max(config.warmup_steps, 1) / (step + 1))
    total, unit = config.total_steps(examples), 1
    if config.schedule_unit == "epoch":
        unit = config.steps_per_epoch(examples)
    start = config.warmup_steps
    done = ((step - start) // unit * unit) / max(total - start, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
