"""AdamW and SGD are torch's own, to the bit, and do without what torch loads for its optimiser classes."""

import subprocess
import sys

import pytest
import torch

from vit_lab.config import STANDARD_RATES
from vit_lab.randomness import generator_for
from vit_lab.training.updates import SGD, AdamW

PAIRS = {
    "adamw, fused": (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.95), "fused": True}),
    "adamw": (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.95), "fused": False}),
    "sgd": (SGD, torch.optim.SGD, {"momentum": 0.0, "nesterov": False}),
    "momentum": (SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": False}),
    "nesterov": (SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
}


def weights():
    """A matrix, a vector, and a matrix that never has a gradient."""
    generator = generator_for(0, "weights")
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((5, 3), (7,), (2, 2))]


def grouped(parameters):
    return [{"params": parameters[:1], "weight_decay": 0.1}, {"params": parameters[1:], "weight_decay": 0.0}]


@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps_equal_torchs_own_to_the_bit(name):
    ours, theirs, settings = PAIRS[name]
    mine, known = weights(), weights()
    made = [(ours(grouped(mine), lr=0.1, **settings), mine), (theirs(grouped(known), lr=0.1, **settings), known)]
    for step in range(10):
        for optimiser, parameters in made:
            generator = generator_for(step, "gradients")
            for parameter in parameters[:2]:
                parameter.grad = torch.randn(parameter.shape, generator=generator)
            for group in optimiser.param_groups:
                group["lr"] = 0.1 / (step + 1)
            optimiser.step()
    assert all(map(torch.equal, mine, known)) and torch.equal(mine[2], weights()[2])
    assert not torch.equal(mine[0], weights()[0])
    kept, expected = ([dict(optimiser.state.get(p, {})) for p in parameters] for optimiser, parameters in made)
    for one, other in zip(kept, expected, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) and one[key].dtype == other[key].dtype for key in one)


TRAINS = """
import sys
from vit_lab.data.splits import load_run_data
from vit_lab.settings import configure
from vit_lab.training.trainer import train
for optimiser in sys.argv[1:]:
    config = configure(optimiser=optimiser, steps=2, depth=1, train_size=128, validation_size=10)
    training = train(config, load_run_data(config))
    while training.step < 2:
        next(training)
    print(optimiser, "torch" in sys.modules, "torch._dynamo" in sys.modules)
"""


def test_training_does_not_load_torchs_compiler():
    words = [sys.executable, "-c", TRAINS, *STANDARD_RATES]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == [f"{optimiser} True False" for optimiser in STANDARD_RATES]
