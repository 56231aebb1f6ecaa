"""Attention equals torch's own with the same weights, and dropout is fair, silent without a generator, repeatable."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vit_lab.model_config import FUSED_TOKENS
from vit_lab.models.attention import Attention, attention_weights, dropout

a_size = pytest.mark.parametrize(("dim", "heads"), [(8, 1), (8, 2), (12, 3), (16, 16), (32, 2)])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


def attention(dim=8, heads=2, qkv_bias=True, out_bias=True, p=0.0):
    """An Attention with every parameter drawn anew."""
    module = Attention(dim=dim, heads=heads, qkv_bias=qkv_bias, out_bias=out_bias, dropout=p)
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters()):
            parameter.copy_(0.5 * normal(*parameter.shape, seed=seed))
    return module


@a_size
@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("out_bias", [True, False])
@torch.no_grad()
def test_attention_equals_multi_head_attention_forward(dim, heads, qkv_bias, out_bias):
    ours, x = attention(dim, heads, qkv_bias, out_bias), normal(3, 5, dim, seed=9)
    tokens_first = x.transpose(0, 1)
    theirs, weights = F.multi_head_attention_forward(
        *(tokens_first,) * 3,
        dim,
        heads,
        ours.qkv.weight,
        ours.qkv.bias,
        None,
        None,
        False,
        0.0,
        ours.out.weight,
        ours.out.bias,
        average_attn_weights=False,
    )
    torch.testing.assert_close(ours(x), theirs.transpose(0, 1), rtol=0, atol=1e-5)
    torch.testing.assert_close(attention_weights(*ours.project(x)[:2]), weights, rtol=0, atol=1e-6)


@a_size
@pytest.mark.parametrize("tokens", [5, FUSED_TOKENS - 1, FUSED_TOKENS])
@torch.no_grad()
def test_attention_equals_nn_multihead_attention(dim, heads, tokens):
    ours, x = attention(dim, heads), normal(3, tokens, dim, seed=9)
    theirs = nn.MultiheadAttention(dim, heads, batch_first=True)
    theirs.load_state_dict(
        {"in_proj_weight": ours.qkv.weight, "in_proj_bias": ours.qkv.bias}
        | {"out_proj.weight": ours.out.weight, "out_proj.bias": ours.out.bias}
    )
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("tokens", [FUSED_TOKENS - 1, FUSED_TOKENS])
@pytest.mark.parametrize("masked", [True, False])
def test_the_formula_for_few_tokens_and_the_kernel_for_many_have_one_gradient(tokens, masked, monkeypatch):
    """Whichever is taken, also where a later token is not read and where other tokens are read than those that read."""
    module, memory = attention(32, 2).double(), normal(3, tokens, 32, seed=5).double()
    x = normal(3, 7, 32).double().requires_grad_()
    mask = torch.ones(7, tokens, dtype=torch.bool).tril(tokens - 7) if masked else None
    found = []
    for bound in (0, 1_000):  # always the kernel, always the formula
        monkeypatch.setattr("vit_lab.models.attention.FUSED_TOKENS", bound)
        read = module(x, memory=memory, mask=mask)
        found.append((read, *torch.autograd.grad(read.square().sum(), [x, *module.parameters()])))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_the_kernel_is_asked_for_many_tokens_alone(monkeypatch):
    asked, kernel = [], F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda q, *rest, **more: asked.append(q) or kernel(q, *rest, **more)
    )
    module = attention(32, 2)
    module(normal(3, FUSED_TOKENS - 1, 32)), module(normal(3, FUSED_TOKENS, 32))
    module(normal(3, FUSED_TOKENS, 32), memory=normal(3, 5, 32))
    assert [q.shape[-2] for q in asked] == [FUSED_TOKENS]


@a_size
def test_every_row_of_the_weights_sums_to_one(dim, heads):
    q, k, v = attention(dim, heads).project(normal(3, 5, dim))
    assert q.shape == k.shape == v.shape == (3, heads, 5, dim // heads)
    weights = attention_weights(q, k)
    assert weights.shape == (3, heads, 5, 5) and (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, heads, 5))


@torch.no_grad()
def test_attention_does_not_depend_on_the_order_of_tokens():
    module, x = attention(), normal(2, 6, 8)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(module(x[:, order]), module(x)[:, order])


@pytest.mark.parametrize("p", [0.0, 0.3])
@torch.no_grad()
def test_attention_drops_weights_exactly_when_given_a_generator_and_a_share(p):
    module, x = attention(p=p), normal(2, 6, 8)
    assert torch.equal(module(x, generator()), module(x, generator()))
    assert torch.allclose(module(x, generator()), module(x), atol=1e-6) == (p == 0)
    assert torch.allclose(module(x, generator(1)), module(x, generator(2)), atol=1e-6) == (p == 0)


@torch.no_grad()
def test_attention_dropout_changes_nothing_on_average():
    module, x = attention(p=0.3), normal(1, 6, 8)
    drawn = module(x.expand(20_000, -1, -1), generator())
    standard_error = drawn.std(dim=0) / 20_000**0.5
    assert ((drawn.mean(dim=0) - module(x)[0]).abs() < 5 * standard_error).all()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_keeps_the_mean(p):
    n = 100_000
    y = dropout(torch.ones(n), p, generator())
    kept = y[y != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)))
    assert abs(len(kept) / n - (1 - p)) < 5 * (p * (1 - p) / n) ** 0.5
    assert abs(float(y.mean()) - 1) < 5 * (p / (1 - p) / n) ** 0.5


@pytest.mark.parametrize(("p", "source"), [(0.5, None), (0.0, generator())])
def test_dropout_is_silent_without_a_generator_or_a_share(p, source):
    x = normal(100)
    assert torch.equal(dropout(x, p, source), x)


def test_the_generator_decides_what_is_dropped():
    x = normal(1000)
    assert torch.equal(dropout(x, 0.5, generator(1)), dropout(x, 0.5, generator(1)))
    assert not torch.equal(dropout(x, 0.5, generator(1)), dropout(x, 0.5, generator(2)))


def test_what_is_dropped_gets_no_gradient():
    x = normal(1000).requires_grad_()
    y = dropout(x, 0.5, generator())
    y.sum().backward()
    assert torch.equal(x.grad, (y != 0) * 2.0)
