"""An optimiser is an entry of the table: its facts need no torch, and AdamW does what its paper says."""

import subprocess
import sys

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_sequences
from torch import nn

from vit_lab.config import STANDARD_RATES, OptimConfig
from vit_lab.init.build import build_model
from vit_lab.settings import bounds, choices
from vit_lab.training.optimisers import OPTIMISERS, adamw

EACH = pytest.mark.parametrize("name", OPTIMISERS)


def test_the_config_knows_the_names_of_the_table():
    assert tuple(OPTIMISERS) == choices("optimiser")
    assert OptimConfig().optimiser in OPTIMISERS


def test_the_table_is_read_without_torch():
    code = "import sys, vit_lab.training.optimisers, vit_lab.training.schedule; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@EACH
def test_an_optimiser_says_which_settings_it_reads(name):
    class Watched:
        """A config that notes what is asked of it."""

        def __init__(self):
            self.read = set()

        def __getattr__(self, field):
            self.read.add(field)
            return getattr(OptimConfig(), field)

    config = Watched()
    OPTIMISERS[name].build(build_model(tiny()), config)
    assert config.read == set(OPTIMISERS[name].settings) <= set(OptimConfig.model_fields)


@EACH
@pytest.mark.parametrize("config", [tiny(pool="cls"), tiny_clips(position="learned"), tiny_sequences()], ids=str)
def test_every_parameter_has_one_optimiser(name, config):
    model = build_model(config)
    groups = [
        group for built in OPTIMISERS[name].build(model, OptimConfig(optimiser=name)) for group in built.param_groups
    ]
    optimised = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(optimised) == sorted(map(id, model.parameters()))


def test_every_optimiser_has_a_learning_rate_that_suits_it():
    low, high = bounds("learning_rate")
    assert tuple(STANDARD_RATES) == tuple(OPTIMISERS) and all(low < rate <= high for rate in STANDARD_RATES.values())
    assert OptimConfig().learning_rate == STANDARD_RATES[OptimConfig().optimiser]


def decayed(config):
    """The names of the parameters that shrink when no gradient pulls, and of all."""
    model = build_model(config)
    [optimiser] = adamw(model, config.optim)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for group in optimiser.param_groups:
        group["lr"] = 0.1
    optimiser.step()
    found = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    for name, parameter in model.named_parameters():
        if name in found:
            torch.testing.assert_close(parameter.detach(), before[name] * (1 - 0.1 * config.optim.weight_decay))
    return found, {name for name in before if before[name].any()}  # what is 0 cannot shrink


def test_weight_decay_shrinks_matrices_and_nothing_else():
    found, others = decayed(tiny(pool="cls", position="learned", weight_decay=0.5))
    assert found == {name for name in others if name.endswith(".weight") and "norm" not in name}
    assert {"class_token", "position", "norm.weight"} <= others - found


def test_weight_decay_on_all_shrinks_every_parameter():
    found, others = decayed(tiny(pool="cls", position="learned", weight_decay=0.5, decay="all"))
    assert found == others > {"class_token", "position", "norm.weight"}


@pytest.mark.parametrize("settings", [{}, {"beta1": 0.5}], ids=str)
def test_two_steps_equal_adamw_by_hand(settings):
    beta1, beta2, rate, decay = settings.get("beta1", 0.9), 0.7, 0.01, 0.2
    layer = nn.Linear(1, 1, bias=False)
    [optimiser] = adamw(layer, OptimConfig(beta2=beta2, weight_decay=decay, learning_rate=rate, **settings))
    weight, mean, square = layer.weight.item(), 0.0, 0.0
    for step, gradient in enumerate((3.0, -0.5), start=1):
        layer.weight.grad = torch.tensor([[gradient]])
        optimiser.step()
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        direction = mean / (1 - beta1**step) / ((square / (1 - beta2**step)) ** 0.5 + 1e-8)
        weight = weight * (1 - rate * decay) - rate * direction
        assert layer.weight.item() == pytest.approx(weight, rel=1e-5)
