"""The steps of attention, put together, are attention; and a case small enough to work by hand."""

import math

import pytest
import torch
from tiny import tiny

from vit_lab.init.build import build_model
from vit_lab.models.attention import Attention
from vit_lab.models.record import Recorder
from vit_lab.models.transformer import causal_mask
from vit_lab.probes.heads import Heads
from vit_lab.probes.steps import attention_steps, unscaled_weights
from vit_lab.probes.trace import trace


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def attention(dim=12, heads=3, qkv_bias=True, out_bias=True):
    """An Attention with every parameter drawn anew."""
    module = Attention(dim=dim, heads=heads, qkv_bias=qkv_bias, out_bias=out_bias, dropout=0.0)
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator(seed)))
    return module


def heads_of(module, x, mask=None):
    """What a recorded pass over tokens x tells of an attention."""
    record = Recorder()
    module(x, record=record, mask=mask)
    return Heads(**record[module.place])


@pytest.mark.parametrize(("dim", "heads"), [(8, 1), (12, 3), (16, 16), (64, 4)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@torch.no_grad()
def test_the_steps_put_together_are_the_forward_pass(dim, heads, bias, masked):
    module = attention(dim, heads, bias, bias)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(dim**-0.5)
    x = torch.randn(2, 5, dim, generator=generator(9))
    mask = causal_mask(5) if masked else None
    steps = attention_steps(module, heads_of(module, x, mask))
    torch.testing.assert_close(steps.out, module(x, mask=mask), rtol=0, atol=1e-6)
    torch.testing.assert_close(steps.weights @ steps.v, steps.heads, rtol=0, atol=0)
    torch.testing.assert_close(module.out(steps.joined), steps.out, rtol=0, atol=0)
    assert steps.scores.shape == (2, heads, 5, 5) and steps.q.shape == (2, heads, 5, dim // heads)
    torch.testing.assert_close(steps.scores, steps.products / math.sqrt(dim // heads))


def test_by_hand():
    """D = 2, one head, x = I, W_q = [[2, 0], [0, 1]], W_k = W_v = W_o = I: q.k is 2 and 1 on the diagonal."""
    module = Attention(dim=2, heads=1, qkv_bias=False, out_bias=False, dropout=0.0)
    with torch.no_grad():
        module.qkv.weight.copy_(torch.cat([torch.diag(torch.tensor([2.0, 1.0])), torch.eye(2), torch.eye(2)]))
        module.out.weight.copy_(torch.eye(2))
    steps = attention_steps(module, heads_of(module, torch.eye(2)[None]))
    assert steps.products[0, 0].tolist() == [[2, 0], [0, 1]]
    first, second = (1 / (1 + math.exp(-score / math.sqrt(2))) for score in (2, 1))
    torch.testing.assert_close(steps.weights[0, 0], torch.tensor([[first, 1 - first], [1 - second, second]]))
    torch.testing.assert_close(steps.out, steps.weights[0])
    torch.testing.assert_close(unscaled_weights(steps)[0, 0, 0, 0], torch.tensor(1 / (1 + math.exp(-2))))


@torch.no_grad()
def test_without_the_root_is_the_softmax_of_the_products():
    module = attention()
    steps = attention_steps(module, heads_of(module, torch.randn(1, 6, 12, generator=generator())))
    torch.testing.assert_close(unscaled_weights(steps), torch.softmax(steps.products, dim=-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variance", [0.1, 1.0, 30.0])
@torch.no_grad()
def test_another_variance_is_what_the_init_would_have_made_of_it(variance):
    image = torch.randn(1, 1, 28, 28, generator=generator())
    here, there = build_model(tiny()), build_model(tiny(qk_scale=variance))
    of_block = [
        attention_steps(model.blocks[0].attention, trace(model, image).heads[0], factor)
        for model, factor in ((here, variance), (there, 1.0))
    ]
    for name in ("products", "scores", "weights", "out"):
        torch.testing.assert_close(*(getattr(steps, name) for steps in of_block), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_under_the_causal_mask_a_token_reads_nothing_that_comes_later():
    module = attention()
    weights = heads_of(module, torch.randn(1, 6, 12, generator=generator()), causal_mask(6)).weights
    assert torch.equal(weights.triu(1), torch.zeros_like(weights)) and (weights[..., 0, 0] == 1).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(1, 3, 6))
