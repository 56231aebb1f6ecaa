"""Every draw follows from the seed and its purpose; no global generator takes part, so threads cannot disturb a run."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tiny import tiny

from vit_lab.data.splits import load_run_data
from vit_lab.randomness import generator_for
from vit_lab.training.trainer import train

NOISY = {
    "dropout": 0.2,
    "attention_dropout": 0.2,
    "shift": 2,
    "flip": True,
    "label_noise": 0.2,
    "pixel_noise": 0.2,
    "steps": 12,
}
PURPOSES = [
    (0,),
    (1,),
    (12,),
    (1, 2),
    (0, "batches", 1),
    (0, "batches", 2),
    (0, "batches", 12),
    (0, "dropout", 1),
    (2, 1),
]


def draw(*purpose):
    return torch.rand(8, generator=generator_for(*purpose))


def outcome(**settings):
    """Everything that a run says, and its last weights."""
    config = tiny(**NOISY | settings)
    training = train(config, load_run_data(config))
    events = [event.to_json() for event in training]
    return events, training.model.state_dict()


def assert_same(one, other):
    assert one[0] == other[0]
    assert all(torch.equal(one[1][name], other[1][name]) for name in one[1])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_same_purpose_gives_the_same_draw(purpose):
    assert torch.equal(draw(*purpose), draw(*purpose))


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(PURPOSES, 2)])
def test_two_purposes_give_two_draws(one, other):
    assert not torch.equal(draw(*one), draw(*other))


def test_purposes_give_independent_draws():
    steps = torch.stack([torch.rand(64, generator=generator_for(0, "dropout", step)) for step in range(200)])
    correlations = torch.corrcoef(steps)[~torch.eye(200, dtype=torch.bool)]
    assert correlations.abs().max() < 6 / 64**0.5  # six standard errors
    assert abs(float(steps.mean()) - 0.5) < 5 * (1 / 12 / steps.numel()) ** 0.5


def test_a_run_does_not_depend_on_any_global_seed():
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        runs.append(outcome())
    assert_same(*runs)


def test_training_draws_nothing_from_the_global_generators():
    config = tiny(**NOISY)
    training = train(config, load_run_data(config))  # building does: nn.Linear fills itself before we do
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert len(list(training)) > config.optim.steps
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_two_seeds_give_two_runs():
    one, other = outcome(seed=1), outcome(seed=2)
    assert one[0] != other[0]
    assert not any(torch.equal(one[1][name], other[1][name]) for name in one[1])


def test_runs_in_concurrent_threads_equal_the_same_runs_alone():
    seeds = (3, 4, 5)
    alone = [outcome(seed=seed) for seed in seeds]
    together = threading.Barrier(len(seeds))

    def run(seed):
        torch.set_num_threads(1)
        together.wait(timeout=30)
        return outcome(seed=seed)

    with ThreadPoolExecutor(len(seeds)) as pool:
        concurrent = list(pool.map(run, seeds))
    for one, other in zip(alone, concurrent, strict=True):
        assert_same(one, other)
