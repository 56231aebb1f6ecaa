"""Looking on while a Transformer writes changes nothing, and shows what each attention reads."""

import pytest
import torch

from vit_lab.data.sequences import START
from vit_lab.init.build import build_model
from vit_lab.probes.anatomy import anatomy
from vit_lab.probes.decoding import decoded
from vit_lab.settings import configure

CONFIG = configure(
    kind="transformer",
    dataset="copy",
    dim=12,
    depth=2,
    heads=3,
    vocabulary=7,
    sequence_length=5,
    scheme="xavier",
    variance_scale=4.0,
)
SOURCES = torch.randint(1, 7, (8, 5), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    return build_model(CONFIG)


def test_it_writes_what_the_model_writes(model):
    for source in SOURCES:
        assert torch.equal(decoded(model, source, START).written, model.greedy_decode(source[None], START)[0])


@torch.no_grad()
def test_the_probabilities_are_those_of_one_symbol_after_another(model):
    found = decoded(model, SOURCES[0], START)
    memory = model.encode(SOURCES[:1])
    for place in range(5):
        before = torch.cat([torch.tensor([START]), found.written[:place]])[None]
        torch.testing.assert_close(found.probabilities[place], model.decode(before, memory)[0, -1].softmax(dim=-1))
    assert torch.equal(found.probabilities.argmax(dim=-1), found.written)


def test_attention_has_a_row_a_place_and_none_looks_ahead(model):
    found = decoded(model, SOURCES[0], START)
    for table in (found.encoder, found.decoder, found.cross):
        assert table.shape == (2, 3, 5, 5)
        torch.testing.assert_close(table.sum(dim=-1), torch.ones(2, 3, 5))
    assert torch.equal(found.decoder, found.decoder.tril()) and found.decoder[0, 0, 0, 0] == 1
    assert not torch.equal(found.cross, found.cross.tril()), "the source is there as a whole"


@torch.no_grad()
def test_the_weights_are_those_by_which_the_models_own_attention_mixes_the_memory(model):
    """Hand-made: the first decoder block's cross-attention, from its weights and values, gives what the block gives."""
    found, block = decoded(model, SOURCES[0], START), model.decoder[0]
    memory = model.encode(SOURCES[:1])
    shifted = torch.cat([torch.tensor([START]), found.written[:-1]])[None]
    x = model.embedded(model.target_embed, shifted)
    x = x + block.attention(block.norm_attention(x), mask=torch.ones(5, 5, dtype=torch.bool).tril())
    asked = block.norm_cross(x)
    _, _, values = block.cross.project(asked, memory)
    mixed = block.cross.out((found.cross[0] @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(mixed, block.cross(asked, memory=memory))


def test_a_model_that_copies_by_design_shows_a_diagonal():
    """Queries and keys that hold nothing but the position: place i reads place i."""
    config = configure(kind="transformer", dataset="copy", dim=8, depth=1, heads=1, vocabulary=4, sequence_length=4)
    model = build_model(config)
    with torch.no_grad():
        model.source_embed.weight.zero_()
        model.target_embed.weight.zero_()
        for attention in (model.encoder[0].attention, model.decoder[0].attention):
            attention.out.weight.zero_()
        model.encoder[0].mlp.down.weight.zero_()
        cross = model.decoder[0].cross
        cross.qkv.weight[:8].copy_(10 * torch.eye(8))
        cross.qkv.weight[8:16].copy_(10 * torch.eye(8))
    found = decoded(model, torch.tensor([1, 2, 3, 1]), START)
    assert torch.equal(found.cross[0, 0].argmax(dim=-1), torch.arange(4))


def test_anatomy_counts_every_piece_and_leaves_no_hook(model):
    inputs = torch.ones((1, 2, 5), dtype=torch.int64)
    found = anatomy(model, inputs)
    assert found["source_embed"].shape == (5, 12) and found["source_embed"].parameters == 7 * 12
    assert found["encoder.0.norm_attention"].parameters == 2 * 12
    assert found["decoder.1.cross"].parameters == 4 * (12 * 12 + 12)
    assert found["decoder.1.mlp"].parameters == 12 * 24 + 24 + 24 * 12 + 12
    assert found["head"].shape == (5, 7) and found["head"].parameters == 12 * 7 + 7
    assert not any(module._forward_hooks for module in model.modules())
    tops = [path for path in found if path.count(".") == 1] + [
        "source_embed",
        "target_embed",
        "norm_encoder",
        "norm_decoder",
        "head",
    ]
    assert sum(found[path].parameters for path in tops) == sum(p.numel() for p in model.parameters())
