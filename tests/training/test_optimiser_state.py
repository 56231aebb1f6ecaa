"""A new optimiser is one entry, whatever it keeps from step to step: a cut run goes on from it equal to the bit."""

import itertools

import pytest
import torch
from tiny import tiny, tiny_data

from vit_lab.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.optimisers import OPTIMISERS, Optimiser
from vit_lab.training.trainer import train


class Odd(torch.optim.Optimizer):
    """Its step depends on all that it keeps: a tensor of another shape and type, an int, a float, a word and None."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                kept = self.state[parameter]
                if not kept:
                    kept |= {"turn": 0, "size": 1 / 3, "way": "down", "nothing": None}
                    kept["history"] = torch.zeros(2, 3, dtype=torch.float64)
                history = kept["history"]
                history[kept["turn"] % 2, kept["turn"] % 3] += parameter.grad.double().norm()
                factor = kept["size"] * float(history.sum()) * (1 if kept["way"] == "down" else -0.5)
                parameter.sub_(group["lr"] * factor * parameter.grad)
                kept["turn"] += 1
                kept["size"] *= 0.9
                kept["way"] = "up" if kept["turn"] % 3 == 0 else "down"


def momentum(model, config):
    return [torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=0.9)]


def odd(model, config):
    return [Odd(model.parameters(), config.learning_rate)]


def two_at_once(model, config):
    """Matrices in one optimiser, the rest in another."""
    matrices, rest = ([p for p in model.parameters() if (p.ndim == 2) is wanted] for wanted in (True, False))
    return [
        torch.optim.SGD(matrices, lr=config.learning_rate, momentum=0.9, nesterov=True),
        torch.optim.AdamW(rest, lr=config.learning_rate, amsgrad=True),
    ]


def stateless(model, config):
    return [torch.optim.SGD(model.parameters(), lr=config.learning_rate)]


@pytest.fixture(params=[momentum, odd, two_at_once, stateless], ids=lambda build: build.__name__)
def config(request, monkeypatch):
    """Of a run whose optimiser stands in the table under the name of the one that there is."""
    monkeypatch.setitem(OPTIMISERS, "adamw", Optimiser("nowhere", ("learning_rate",), request.param))
    return tiny(steps=9, learning_rate=0.02)


def through_a_file(training, folder):
    save_checkpoint(training.checkpoint(), folder / "run.safetensors")
    return load_checkpoint(folder / "run.safetensors")


def bits(checkpoint):
    return {name: (t.dtype, t.shape, t.numpy().tobytes()) for name, t in checkpoint.tensors.items()}


def test_a_cut_run_goes_on_to_the_bit(config, tmp_path):
    data = tiny_data(config)
    whole = train(config, data)
    expected = {(event.kind, event.step): event.to_json() for event in whole}
    for cut in (0, 9, 25, 38):
        first = train(config, data)
        said = list(itertools.islice(first, cut))
        second = train(config, data, checkpoint=through_a_file(first, tmp_path))
        said += list(second)
        assert {(event.kind, event.step): event.to_json() for event in said} == expected
        assert bits(second.checkpoint()) == bits(whole.checkpoint())
        assert second.checkpoint().counters == whole.checkpoint().counters


@pytest.mark.parametrize("config", [odd], indirect=True, ids=["odd"])
@pytest.mark.parametrize("key", ["turn", "size", "way"])
def test_every_plain_value_counts(config, key):
    first = train(config, tiny_data(config))
    list(itertools.islice(first, 20))
    saved = first.checkpoint()
    for kept in saved.counters["optimiser"].values():
        kept[key] = {"turn": 1, "size": 0.5, "way": "up"}[key]
    resumed = train(config, tiny_data(config), checkpoint=saved)
    list(first), list(resumed)
    assert bits(first.checkpoint()) != bits(resumed.checkpoint())


@pytest.mark.parametrize("config", [momentum], indirect=True, ids=["momentum"])
def test_what_a_checkpoint_cannot_hold_is_refused_when_it_is_written(config):
    training = train(config, tiny_data(config))
    list(itertools.islice(training, 8))
    [optimiser] = training._optimisers
    optimiser.state[training.model.head.weight]["memory"] = [1, 2]
    with pytest.raises(TypeError, match="an optimiser keeps a list as memory; a checkpoint holds tensors, numbers"):
        training.checkpoint()


@pytest.mark.parametrize("decay", ["matrices", "all"])
def test_a_checkpoint_from_before_there_was_a_table_goes_on_to_the_bit(decay):
    config = tiny(decay=decay)
    whole, first = (train(config, tiny_data(config)) for _ in range(2))
    list(itertools.islice(first, 20))
    saved, parameters = first.checkpoint(), dict(first.model.named_parameters())
    kept = {name for name in saved.tensors if name.startswith("optimiser.")}
    assert kept == {f"optimiser.{name}.{key}" for name in parameters for key in ("step", "exp_avg", "exp_avg_sq")}
    counters = {key: saved.counters[key] for key in ("step", "step_rows", "best")}  # all that there was
    resumed = train(config, tiny_data(config), checkpoint=Checkpoint(saved.tensors, counters))
    list(whole), list(resumed)
    assert bits(whole.checkpoint()) == bits(resumed.checkpoint())


def test_the_state_of_a_parameter_that_the_model_does_not_have_is_refused():
    training = train(tiny(), tiny_data(tiny()))
    list(itertools.islice(training, 8))
    saved = training.checkpoint()
    counters = saved.counters | {"optimiser": {"blocks.9.mlp.up.weight": {"turn": 1}}}
    with pytest.raises(CheckpointError, match="does not fit this run's model; start the run again"):
        train(tiny(), tiny_data(tiny()), checkpoint=Checkpoint(saved.tensors, counters))
