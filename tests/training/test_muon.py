"""Muon against torch's own and against what its iteration promises; SGD against torch's by hand."""

import itertools
import math

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences

from vit_lab.init.build import build_model
from vit_lab.settings import configure
from vit_lab.training.checkpoint import load_checkpoint, save_checkpoint
from vit_lab.training.muon import Muon, orthogonalised
from vit_lab.training.optimisers import OPTIMISERS
from vit_lab.training.trainer import train

MODELS = {"vit": tiny(dim=16, pool="cls", position="learned"), "clips": tiny_clips(), "sequences": tiny_sequences()}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(32, 32), (16, 48), (48, 16), (1, 7)])
def test_the_iteration_keeps_singular_vectors_and_sets_singular_values_near_one(shape):
    matrix = gaussian(*shape)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonalised(torch.stack([matrix, gaussian(*shape, seed=7)]))[0] @ vt.T
    values = found.diagonal()[s > 0.05 * s.max()]
    assert values.min() > 0.65 and values.max() < 1.25
    torch.testing.assert_close(found, torch.diag(found.diagonal()), rtol=0, atol=1e-4)


def test_a_matrix_of_zeros_stays_one():
    assert not orthogonalised(torch.zeros(2, 3, 4)).any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="This torch has no Muon.")
@pytest.mark.parametrize("shape", [(24, 24), (8, 40), (40, 8)])
def test_an_update_is_that_of_torch_but_for_the_precision(shape):
    start = gaussian(*shape, seed=1)
    mine, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    ours = Muon({mine: [None]}, lr=0.02, momentum=0.9, weight_decay=0.1)
    known = torch.optim.Muon([theirs], lr=0.02, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(4):
        mine.grad, theirs.grad = (gaussian(*shape, seed=step + 2) for _ in range(2))
        ours.step()
        known.step()
    moved, difference = theirs.detach() - start, (mine - theirs).detach()
    assert difference.norm() < 0.05 * moved.norm(), "torch iterates in bfloat16, of eight bits"


def test_an_update_is_about_as_large_as_one_of_adamw():
    parameter = torch.nn.Parameter(torch.zeros(48, 96))
    parameter.grad = gaussian(48, 96)
    Muon({parameter: [None]}, lr=1.0, momentum=0.9, weight_decay=0.0).step()
    assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.2, rel=0.2)


def test_rows_of_a_parameter_are_matrices_by_themselves():
    start, gradient = gaussian(12, 4), gaussian(12, 4, seed=1)
    whole = torch.nn.Parameter(start.clone())
    whole.grad = gradient.clone()
    thirds = [slice(0, 4), slice(4, 8), slice(8, 12)]
    Muon({whole: thirds}, lr=0.1, momentum=0.9, weight_decay=0.1).step()
    for rows in thirds:
        alone = torch.nn.Parameter(start[rows].clone())
        alone.grad = gradient[rows].clone()
        Muon({alone: [None]}, lr=0.1, momentum=0.9, weight_decay=0.1).step()
        torch.testing.assert_close(whole[rows], alone)


@every_model
def test_matrices_of_blocks_are_muons_and_all_else_is_adamws(config):
    model = build_model(config)
    muon, adamw = OPTIMISERS["muon"].build(model, configure(config, optimiser="muon").optim)
    names = {parameter: name for name, parameter in model.named_parameters()}
    of_muon, of_adamw = (
        {names[p] for group in optimiser.param_groups for p in group["params"]} for optimiser in (muon, adamw)
    )
    assert of_muon | of_adamw == set(names.values()) and not of_muon & of_adamw
    in_blocks = {"blocks", "encoder", "decoder"}
    assert of_muon == {name for p, name in names.items() if name.split(".")[0] in in_blocks and p.ndim == 2}
    for parameter, rows in muon._rows.items():
        assert len(rows) == (3 if names[parameter].endswith("qkv.weight") else 1)


def test_sgd_is_momentum_with_a_look_ahead_by_hand():
    """Sutskever et al. 2013 in the form of torch: v = m v + g, and the step goes along g + m v."""
    config = tiny(optimiser="sgd", momentum=0.8, learning_rate=0.05, weight_decay=0.0).optim
    model = torch.nn.Linear(3, 2)
    [sgd] = OPTIMISERS["sgd"].build(model, config)
    expected, velocity = model.weight.detach().clone(), torch.zeros(2, 3)
    for step in range(3):
        gradient = gaussian(2, 3, seed=step)
        model.weight.grad, model.bias.grad = gradient.clone(), torch.zeros(2)
        sgd.step()
        velocity = 0.8 * velocity + gradient
        expected -= 0.05 * (gradient + 0.8 * velocity)
    torch.testing.assert_close(model.weight.detach(), expected)


def test_without_momentum_there_is_no_look_ahead():
    [sgd] = OPTIMISERS["sgd"].build(torch.nn.Linear(2, 2), tiny(optimiser="sgd", momentum=0).optim)
    assert not sgd.param_groups[0]["nesterov"]


@every_model
@pytest.mark.parametrize("optimiser", ["sgd", "muon"])
def test_a_run_that_is_cut_goes_on_equal_to_the_bit(config, optimiser, tmp_path):
    config = configure(config, optimiser=optimiser, dropout=0.1, steps=8)
    data = tiny_data(config)
    whole = train(config, data)
    losses = [event.loss for event in whole if event.kind == "step"]
    assert len(losses) == 8 and all(math.isfinite(loss) for loss in losses)
    first = train(config, data)
    list(itertools.islice(first, 16))
    save_checkpoint(first.checkpoint(), tmp_path / "run.safetensors")
    second = train(config, data, checkpoint=load_checkpoint(tmp_path / "run.safetensors"))
    list(second)
    mine, theirs = second.checkpoint().tensors, whole.checkpoint().tensors
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert any(name.endswith("momentum_buffer") for name in mine)
