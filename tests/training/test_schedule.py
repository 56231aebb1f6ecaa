"""The learning rate follows hand-made values."""

import math

import pytest

from vit_lab.config import OptimConfig
from vit_lab.training.schedule import learning_rate

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
