"""The fast path of self-attention is the plain formula: values, gradients, and scores that no exponential can hold."""

import pytest
import torch

from vit_lab.models import attend as fast
from vit_lab.models.attend import attend
from vit_lab.models.attention import Attention, attention_weights, dropout_factors
from vit_lab.randomness import generator_for

# B, N, D, H: one part; several; one head a part; a single token; heads of one feature; those of vit-notes; more weights
# than are kept; heads so wide that the model takes torch's kernel
SHAPES = [(3, 5, 6, 2), (70, 49, 8, 2), (2, 400, 8, 2), (4, 1, 4, 4), (5, 9, 3, 3), (128, 49, 8, 2)]
SHAPES += [(128, 49, 16, 4), (128, 16, 64, 4)]
with_and_without_dropout = pytest.mark.parametrize("p", [0.0, 0.3])


def draw(shape, scale=1.0, dtype=torch.float64):
    batch, tokens, dim, _ = shape
    generator = generator_for(0, "attend", *shape)
    qkv = scale * torch.randn((batch, tokens, 3 * dim), generator=generator, dtype=dtype)
    return qkv.requires_grad_(), torch.randn((batch, tokens, dim), generator=generator, dtype=dtype)


def dropped(shape, p):
    """What dropout multiplies the weights by."""
    batch, tokens, _, heads = shape
    like = torch.empty(0, dtype=torch.float64)
    return dropout_factors(like, (batch, heads, tokens, tokens), p, generator_for(0, "dropped"))


def plain(qkv, heads, factors=None):
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    weights = attention_weights(q, k)
    return ((weights if factors is None else weights * factors) @ v).transpose(1, 2).flatten(2)


def both(shape, scale=1.0, dtype=torch.float64, p=0.0):
    """(output, gradient) of the fast path and of the plain formula."""
    qkv, grad = draw(shape, scale, dtype)
    factors = dropped(shape, p)
    factors = None if factors is None else factors.to(dtype)
    outputs = [way(qkv, shape[-1], factors) for way in (attend, plain)]
    return [(out.detach(), torch.autograd.grad(out, qkv, grad)[0]) for out in outputs]


@with_and_without_dropout
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_the_plain_formula(shape, p):
    for ours, theirs in zip(*both(shape, p=p), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@with_and_without_dropout
@pytest.mark.parametrize("shape", SHAPES)
def test_in_single_precision_too(shape, p):
    for ours, theirs in zip(*both(shape, dtype=torch.float32, p=p), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-6)


def test_of_a_part_of_a_matrix_and_of_one_gradient_for_all():
    """Numbers that do not lie side by side in memory."""
    wide, _ = draw((3, 5, 8, 2), dtype=torch.float32)
    outputs = [way(wide[..., 1:13], 1).sum() for way in (attend, plain)]  # a sum's gradient is one 1 for all
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*(torch.autograd.grad(out, wide)[0] for out in outputs))


@with_and_without_dropout
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_beyond_what_an_exponential_holds(shape, p):
    """At thirty times the size scores reach thousands, as after an init of large variance."""
    for ours, theirs in zip(*both(shape, scale=30.0, p=p), strict=True):
        assert ours.isfinite().all()
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", [5.0, 7.0, 30.0])  # near to what an exponential holds, at it, and far beyond
def test_in_single_precision_too_as_well_as_the_plain_formula_is(scale):
    """Measured against the plain formula in double precision, as far as single precision goes at all."""
    shape = (128, 49, 8, 2)
    (ours, our_slope), (theirs, their_slope) = both(shape, scale, torch.float32)
    qkv, grad = (x.detach().double() for x in draw(shape, scale, torch.float32))
    true = plain(qkv.requires_grad_(), shape[-1])
    (slope,) = torch.autograd.grad(true, qkv, grad)
    for our, their, truth in ((ours, theirs, true), (our_slope, their_slope, slope)):
        assert (our - truth).abs().max() <= 3 * (their - truth).abs().max()


def test_rows_whose_scores_all_lie_far_below_zero():
    q = torch.full((1, 3, 1), 40.0, dtype=torch.float64)
    qkv = torch.cat([q, -q, torch.arange(3.0, dtype=torch.float64).reshape(1, 3, 1)], dim=-1)
    assert torch.exp(torch.tensor(-1600.0)) == 0  # so a plain sum of exponentials would be 0
    torch.testing.assert_close(attend(qkv, 1), torch.ones((1, 3, 1), dtype=torch.float64))


def test_what_it_is_given_stays_as_it_was():
    for shape in ((1, 1, 4, 2), (2, 3, 4, 2)):
        qkv = draw(shape)[0].detach()
        before = qkv.clone()
        attend(qkv, shape[-1])
        assert (qkv == before).all()


@with_and_without_dropout
def test_the_gradient_is_the_slope(p):
    qkv, _ = draw((2, 4, 4, 2))
    factors = dropped((2, 4, 4, 2), p)
    assert torch.autograd.gradcheck(lambda x: attend(x, 2, factors), (qkv,))


def test_what_dropout_multiplies_by_stays_as_it_was():
    """Where nothing is kept for a gradient, too."""
    shape = (2, 3, 4, 2)
    factors = dropped(shape, 0.5)
    before = factors.clone()
    kept, forgotten = (attend(qkv, 2, factors) for qkv in (draw(shape)[0], draw(shape)[0].detach()))
    torch.testing.assert_close(kept, forgotten)
    assert torch.equal(factors, before)


def test_what_is_no_number_stays_none():
    qkv, _ = draw((2, 4, 4, 2))
    broken = qkv.detach().clone()
    broken[0, 0, 0] = torch.nan
    out = attend(broken, 2)
    assert out[0].isnan().any() and out[1].isfinite().all()


@with_and_without_dropout
@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("kept", [0, fast.KEPT])
def test_neither_parts_nor_computing_weights_again_change_anything(monkeypatch, kept, scale, p):
    shape = (6, 9, 8, 2)
    whole = both(shape, scale, p=p)[0]
    monkeypatch.setattr(fast, "AT_ONCE", 5 * 81)  # five heads at a time, of twelve
    monkeypatch.setattr(fast, "KEPT", kept)
    for ours, theirs in zip(both(shape, scale, p=p)[0], whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_attention_takes_the_fast_path_only_where_it_may(monkeypatch):
    taken = []
    monkeypatch.setattr("vit_lab.models.attention.attend", lambda *given: taken.append(given) or attend(*given))
    layer = Attention(dim=8, heads=2, qkv_bias=True, out_bias=True, dropout=0.5)
    x = torch.randn((2, 3, 8), generator=generator_for(0, "x"))
    layer(x)
    layer(x, generator_for(0, "dropout"))
    assert [(heads, factors is not None) for _, heads, factors in taken] == [(2, False), (2, True)]
    Attention(dim=32, heads=2, qkv_bias=True, out_bias=True, dropout=0.0)(torch.ones(2, 3, 32))
    layer(x, mask=torch.ones(3, 3, dtype=torch.bool).tril())
    layer(x, memory=x)
    assert len(taken) == 2


def test_what_is_dropped_does_not_depend_on_the_path(monkeypatch):
    """The draws of a run are those of the plain formula."""
    layer = Attention(dim=8, heads=2, qkv_bias=True, out_bias=True, dropout=0.5)
    x = torch.randn((20, 7, 8), generator=generator_for(0, "x"))
    fast_path = layer(x, generator_for(0, "dropout"))
    monkeypatch.setattr("vit_lab.models.attention.FUSED_FROM", 0)
    torch.testing.assert_close(layer(x, generator_for(0, "dropout")), fast_path, rtol=0, atol=1e-5)
