"""An encoder block equals torch's own pre-norm layer with the same weights."""

import pytest
import torch
from torch import nn

from vit_lab.models.attention import Attention
from vit_lab.models.blocks import EncoderBlock, FeedForward

OURS_TO_THEIRS = {
    "norm_attention": "norm1",
    "attention.qkv.": "self_attn.in_proj_",
    "attention.out": "self_attn.out_proj",
    "norm_mlp": "norm2",
    "mlp.up": "linear1",
    "mlp.down": "linear2",
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def filled(module):
    """The module with every parameter drawn anew, gains and biases too."""
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters()):
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator(seed)))
    return module


def block(dim=8, heads=2, hidden=16, p=0.0):
    attention = Attention(dim=dim, heads=heads, qkv_bias=True, out_bias=True, dropout=0.0)
    return filled(EncoderBlock(dim=dim, hidden=hidden, attention=attention, dropout=p))


def theirs_with_the_weights_of(ours, dim, heads, hidden):
    layer = nn.TransformerEncoderLayer(
        dim, heads, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    state = ours.state_dict()
    for mine, name in OURS_TO_THEIRS.items():
        state = {key.replace(mine, name): value for key, value in state.items()}
    layer.load_state_dict(state)
    return layer


@pytest.mark.parametrize(("dim", "heads", "hidden"), [(8, 1, 8), (8, 2, 16), (12, 3, 48), (16, 16, 20)])
def test_a_block_equals_torchs_encoder_layer(dim, heads, hidden):
    ours, x = block(dim, heads, hidden), torch.randn(3, 5, dim, generator=generator(9))
    theirs = theirs_with_the_weights_of(ours, dim, heads, hidden)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-5)


def test_a_block_has_the_gradient_of_torchs_encoder_layer():
    ours, x = block(), torch.randn(3, 5, 8, generator=generator(9))
    theirs = theirs_with_the_weights_of(ours, 8, 2, 16)
    for layer in (ours, theirs):
        layer(x).square().sum().backward()
    torch.testing.assert_close(ours.mlp.up.weight.grad, theirs.linear1.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        ours.attention.qkv.weight.grad, theirs.self_attn.in_proj_weight.grad, rtol=1e-4, atol=1e-4
    )


def test_the_feed_forward_treats_each_token_alone():
    mlp, x = filled(FeedForward(dim=8, hidden=16)), torch.randn(3, 5, 8, generator=generator())
    torch.testing.assert_close(mlp(x)[1, 2], mlp(x[1, 2]))


def test_a_block_drops_features_exactly_when_given_a_generator():
    dropping, keeping = block(p=0.3), block(p=0.0)
    x = torch.randn(3, 5, 8, generator=generator(9))
    assert torch.equal(dropping(x), keeping(x))
    assert torch.equal(dropping(x, generator(1)), dropping(x, generator(1)))
    assert not torch.equal(dropping(x, generator(1)), dropping(x, generator(2)))
    assert not torch.equal(dropping(x, generator(1)), keeping(x))
