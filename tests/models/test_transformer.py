"""The Transformer equals torch's own with the same weights, sees no future, and writes what it likes best."""

import math

import pytest
import torch
from torch import nn

from vit_lab.config import InitConfig
from vit_lab.init.build import initialise
from vit_lab.model_config import TransformerConfig
from vit_lab.models.attention import Attention, attention_weights
from vit_lab.models.transformer import Transformer, causal_mask

SIZES = pytest.mark.parametrize(
    "settings",
    [
        {"dim": 8, "heads": 2, "depth": 1},
        {"dim": 12, "heads": 3, "depth": 3, "mlp_ratio": 1.5},
        {"dim": 16, "heads": 1, "depth": 2, "vocabulary": 30, "sequence_length": 17},
    ],
    ids=str,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def transformer(**settings):
    """A small model in which every parameter is drawn, also biases and norms."""
    model = Transformer(TransformerConfig(**{"dim": 8, "depth": 2, "heads": 2, "sequence_length": 6} | settings))
    initialise(model, InitConfig(scheme="xavier"), seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator(parameter.numel())))
    return model


def symbols(model, count=3, rows=2):
    c = model.config
    shape = (count, rows, c.sequence_length)
    return torch.randint(0, c.vocabulary, shape, generator=generator())


def attention_of(theirs, ours):
    theirs.load_state_dict(
        {"in_proj_weight": ours.qkv.weight, "in_proj_bias": ours.qkv.bias}
        | {"out_proj.weight": ours.out.weight, "out_proj.bias": ours.out.bias}
    )


def torchs_own(model):
    """nn.Transformer with the weights of ours."""
    c = model.config
    theirs = nn.Transformer(
        c.dim, c.heads, c.depth, c.depth, round(c.dim * c.mlp_ratio), dropout=0.0, batch_first=True, norm_first=True
    )
    for layer, block in [
        *zip(theirs.encoder.layers, model.encoder, strict=True),
        *zip(theirs.decoder.layers, model.decoder, strict=True),
    ]:
        attention_of(layer.self_attn, block.attention)
        norms = [block.norm_attention, block.norm_mlp]
        if hasattr(block, "cross"):
            attention_of(layer.multihead_attn, block.cross)
            norms.insert(1, block.norm_cross)
        for number, norm in enumerate(norms, start=1):
            getattr(layer, f"norm{number}").load_state_dict(norm.state_dict())
        layer.linear1.load_state_dict(block.mlp.up.state_dict())
        layer.linear2.load_state_dict(block.mlp.down.state_dict())
    theirs.encoder.norm.load_state_dict(model.norm_encoder.state_dict())
    theirs.decoder.norm.load_state_dict(model.norm_decoder.state_dict())
    return theirs


@SIZES
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # torch will not use its fast path; so be it
def test_the_model_equals_torchs_own_with_the_same_weights(settings):
    model = transformer(**settings)
    inputs = symbols(model)
    theirs = torchs_own(model)  # in training mode, without dropout: the plain path of torch
    source, written = inputs.unbind(dim=1)
    mask = nn.Transformer.generate_square_subsequent_mask(model.config.sequence_length)
    mixed = theirs(model.tokens(inputs), model.embedded(model.target_embed, written), tgt_mask=mask)
    torch.testing.assert_close(model(inputs), model.head(mixed), rtol=0, atol=1e-5)
    torch.testing.assert_close(model.encode(source), theirs.encoder(model.tokens(inputs)), rtol=0, atol=1e-5)


@SIZES
def test_sequences_become_logits_at_every_place(settings):
    model = transformer(**settings)
    c = model.config
    assert model(symbols(model)).shape == (3, c.sequence_length, c.vocabulary)
    memory = model.encode(symbols(model)[:, 0])
    assert memory.shape == (3, c.sequence_length, c.dim)
    assert model.decode(symbols(model)[:, 1, :1], memory).shape == (3, 1, c.vocabulary)
    assert model.pooled(model.tokens(symbols(model))).shape == (3, c.dim)


def test_the_mask_is_torchs_own():
    theirs = nn.Transformer.generate_square_subsequent_mask(5)
    assert torch.equal(causal_mask(5), theirs == 0)


@torch.no_grad()
def test_no_place_sees_what_is_written_after_it():
    model = transformer()
    inputs = symbols(model)
    for place in range(1, 6):
        changed = inputs.clone()
        changed[:, 1, place:] = (changed[:, 1, place:] + 1) % model.config.vocabulary
        before, after = model(inputs), model(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place])
        assert not torch.allclose(after[:, place], before[:, place])


@torch.no_grad()
def test_every_place_sees_the_whole_source():
    model = transformer()
    inputs = symbols(model)
    for place in range(6):
        changed = inputs.clone()
        changed[:, 0, place] = (changed[:, 0, place] + 1) % model.config.vocabulary
        assert ((model(changed) - model(inputs)).abs().amax(dim=-1) > 1e-6).all()


@torch.no_grad()
def test_embeddings_are_scaled_by_the_root_of_the_width():
    model = transformer(dim=16)
    inputs = symbols(model)
    expected = 4 * model.source_embed.weight[inputs[:, 0]] + model.position
    torch.testing.assert_close(model.tokens(inputs), expected)
    assert model.position[1, 0] == pytest.approx(math.sin(1))


@torch.no_grad()
def test_greedy_writing_takes_the_likeliest_symbol_at_each_place():
    model = transformer()
    source = symbols(model, count=5)[:, 0]
    written = model.greedy_decode(source, start=0)
    shifted = torch.cat([torch.zeros(5, 1, dtype=torch.long), written[:, :-1]], dim=1)
    assert torch.equal(model(torch.stack([source, shifted], dim=1)).argmax(dim=-1), written)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_dropout_needs_a_generator_and_a_share(share):
    model = transformer(dropout=share, attention_dropout=share)
    inputs = symbols(model)
    assert torch.equal(model(inputs, generator()), model(inputs, generator()))
    assert torch.allclose(model(inputs, generator()), model(inputs)) == (share == 0)


def test_gradients_reach_every_parameter():
    model = transformer()
    model(symbols(model, count=20)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_attention_to_a_memory_through_a_mask_equals_nn_multihead_attention(bias):
    ours = Attention(dim=8, heads=2, qkv_bias=bias, out_bias=bias, dropout=0.0)
    for seed, parameter in enumerate(ours.parameters()):
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator(seed)))
    theirs = nn.MultiheadAttention(8, 2, batch_first=True, bias=bias)
    theirs.load_state_dict(
        {name.replace("qkv.", "in_proj_").replace("out.", "out_proj."): p for name, p in ours.state_dict().items()}
    )
    x, memory = torch.randn(3, 4, 8, generator=generator(8)), torch.randn(3, 6, 8, generator=generator(9))
    mask = torch.rand(4, 6, generator=generator(10)) < 0.6
    mask[:, 0] = True  # nobody is left with nothing to read
    mixed, weights = theirs(x, memory, memory, attn_mask=~mask, average_attn_weights=False)
    torch.testing.assert_close(ours(x, memory=memory, mask=mask), mixed, rtol=0, atol=1e-5)
    q, k, _ = ours.project(x, memory)
    torch.testing.assert_close(attention_weights(q, k, mask), weights, rtol=0, atol=1e-6)
