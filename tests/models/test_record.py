"""A recorded pass is the ordinary pass, and what it tells of attention is what attention did, on every path."""

import pytest
import torch
from torch import nn

from vit_lab.config import InitConfig
from vit_lab.init.build import initialise, unfilled
from vit_lab.model_config import TimesformerConfig, TransformerConfig, VitConfig
from vit_lab.models.attention import Attention
from vit_lab.models.record import Recorder
from vit_lab.models.transformer import causal_mask
from vit_lab.places import Place
from vit_lab.probes.heads import Heads

SMALL = {"dim": 8, "depth": 2, "heads": 2}
CONFIGS = {  # heads of 4 features take the lab's own kernel, heads of 16 torch's
    "narrow": VitConfig(**SMALL, patch_size=7),
    "wide": VitConfig(dim=32, depth=2, heads=2, patch_size=7, pool="cls"),
    "joint": TimesformerConfig(**SMALL, patch_size=14, num_frames=3, space_time="joint"),
    "divided": TimesformerConfig(**SMALL, patch_size=14, num_frames=3, zero_temporal=False),
    "transformer": TransformerConfig(**SMALL, vocabulary=7, sequence_length=5),
}
every_model = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
DROPS = {"dropout": 0.2, "attention_dropout": 0.3}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def built(config):
    model = unfilled(config)
    initialise(model, InitConfig(scheme="xavier", variance_scale=4.0, biases="scheme"), seed=1)
    return model.requires_grad_(False)


def batch(config):
    if config.kind == "transformer":
        return torch.randint(0, 7, (3, 2, 5), generator=generator())
    frames = (config.num_frames,) if config.kind == "timesformer" else ()
    return torch.randn(3, *frames, 1, 28, 28, generator=generator())


@every_model
def test_a_recorded_pass_is_the_ordinary_pass_to_the_bit(config):
    model, inputs = built(config), batch(config)
    assert torch.equal(model(inputs, record=Recorder()), model(inputs))
    drops = built(config.model_copy(update=DROPS))
    assert torch.equal(drops(inputs, generator(5), Recorder()), drops(inputs, generator(5)))


def test_tokens_and_heads_come_by_place_in_the_order_of_the_pass():
    told = {}
    for name, config in CONFIGS.items():
        record = Recorder()
        built(config)(batch(config), record=record)
        told[name] = record.places
    assert (
        told["narrow"]
        == told["wide"]
        == told["joint"]
        == [
            Place(depth=0),
            Place(block=1, part="attention"),
            Place(depth=1),
            Place(block=2, part="attention"),
            Place(depth=2),
        ]
    )
    assert [place.part for place in told["divided"]] == [None, "time", "attention", None, "time", "attention", None]
    decoder = [place for place in told["transformer"] if place.stack == "decoder"]
    assert [place.part for place in decoder] == [None, "attention", "cross", None, "attention", "cross", None]
    assert len(told["transformer"]) == 5 + 7


@every_model
def test_what_a_recorder_holds_is_not_written_over_later_in_the_pass(config):
    """The tokens of a depth are those that the next block was given."""
    model, record = built(config), Recorder()
    model(batch(config), record=record)
    if config.kind == "transformer":
        block, start, end = model.encoder[1], *(record[Place(stack="encoder", depth=d)]["tokens"] for d in (1, 2))
    else:
        block, start, end = model.blocks[1], *(record[Place(depth=depth)]["tokens"] for depth in (1, 2))
    assert torch.equal(block(start), end)


@every_model
def test_the_recorded_heads_give_what_attention_gives(config):
    """The last projection of the values under the recorded weights, against the output of the module itself."""
    model, record, outputs = built(config), Recorder(), {}
    attentions = [module for module in model.modules() if isinstance(module, Attention)]
    hooks = [a.register_forward_hook(lambda a, _, out: outputs.update({a.place: out.clone()})) for a in attentions]
    model(batch(config), record=record)
    for hook in hooks:
        hook.remove()
    assert len(outputs) == len(attentions)
    for attention in attentions:
        heads = Heads(**record[attention.place])
        torch.testing.assert_close(heads.weights.sum(dim=-1), torch.ones(heads.q.shape[:3]), rtol=0, atol=1e-6)
        torch.testing.assert_close(attention.out(heads.joined), outputs[attention.place], rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize(("dim", "heads"), [(8, 2), (32, 2)])
@pytest.mark.parametrize("masked", [True, False])
@torch.no_grad()
def test_recorded_weights_are_those_of_torchs_own_module(dim, heads, masked):
    ours = Attention(dim=dim, heads=heads, qkv_bias=True, out_bias=True, dropout=0.0)
    for seed, parameter in enumerate(ours.parameters()):
        parameter.copy_(dim**-0.5 * torch.randn(parameter.shape, generator=generator(seed)))
    theirs = nn.MultiheadAttention(dim, heads, batch_first=True)
    theirs.load_state_dict(
        {"in_proj_weight": ours.qkv.weight, "in_proj_bias": ours.qkv.bias}
        | {"out_proj.weight": ours.out.weight, "out_proj.bias": ours.out.bias}
    )
    x, mask, record = torch.randn(3, 5, dim, generator=generator(9)), causal_mask(5) if masked else None, Recorder()
    ours(x, record=record, mask=mask)
    refused = None if mask is None else ~mask
    _, weights = theirs(x, x, x, attn_mask=refused, average_attn_weights=False)
    torch.testing.assert_close(Heads(**record[ours.place]).weights, weights, rtol=0, atol=1e-6)


def test_a_place_that_the_pass_did_not_come_by_is_not_there():
    with pytest.raises(KeyError):
        Recorder()[Place(depth=0)]


def test_masks_of_dropout_are_drawn_where_the_generator_is():
    """No second device is needed to see it: "meta" tensors have no numbers, so a draw there would give none."""
    model = built(VitConfig(**SMALL, patch_size=7, **DROPS)).to("meta")
    drawn = generator(3)
    before = drawn.get_state()
    assert model(batch(CONFIGS["narrow"]).to("meta"), drawn).device.type == "meta"
    assert not torch.equal(drawn.get_state(), before)
