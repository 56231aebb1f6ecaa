"""Where a block has its norms: after the sum as torch's own layers have them, before it, or nowhere."""

import pytest
import torch
import torch.nn.functional as F
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences
from torch import nn

from vit_lab.init.build import build_model
from vit_lab.models.size import num_parameters
from vit_lab.settings import configure
from vit_lab.training.trainer import train

MODELS = {"vit": tiny(dim=16), "clips": tiny_clips(zero_temporal=False), "sequences": tiny_sequences()}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())
every_norm = pytest.mark.parametrize("norm", ["pre", "post", "none"])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_block_equals_the_layer_of_torch_with_its_weights(norm):
    [block] = build_model(tiny(dim=16, heads=2, depth=1, norm=norm)).blocks
    theirs = nn.TransformerEncoderLayer(
        16, 2, 32, 0.0, F.gelu, batch_first=True, norm_first=norm == "pre", dtype=torch.float32
    )
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": block.attention.qkv.weight,
            "self_attn.in_proj_bias": block.attention.qkv.bias,
            "self_attn.out_proj.weight": block.attention.out.weight,
            "self_attn.out_proj.bias": block.attention.out.bias,
            "linear1.weight": block.mlp.up.weight,
            "linear1.bias": block.mlp.up.bias,
            "linear2.weight": block.mlp.down.weight,
            "linear2.bias": block.mlp.down.bias,
            "norm1.weight": block.norm_attention.weight,
            "norm1.bias": block.norm_attention.bias,
            "norm2.weight": block.norm_mlp.weight,
            "norm2.bias": block.norm_mlp.bias,
        }
    )
    x = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), theirs(x), rtol=0, atol=1e-6)


@every_norm
@pytest.mark.parametrize("factor", [1.0, 1.7])
@torch.no_grad()
def test_a_block_is_the_sum_of_its_formula(norm, factor):
    [block] = build_model(tiny(dim=16, depth=1, norm=norm, residual_factor=factor)).blocks
    x = torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(1))
    expected = x
    for branch, layer_norm in ((block.attention, block.norm_attention), (block.mlp, block.norm_mlp)):
        if norm == "post":
            expected = layer_norm(factor * expected + branch(expected))
        else:
            expected = factor * expected + branch(layer_norm(expected) if norm == "pre" else expected)
    torch.testing.assert_close(block(x), expected, rtol=0, atol=1e-6)


@every_model
@every_norm
def test_a_model_has_as_many_parameters_as_are_counted_and_learns(config, norm):
    config = configure(config, norm=norm, residual_factor=1.3, steps=4, learning_rate=1e-3)
    model = build_model(config)
    assert sum(p.numel() for p in model.parameters()) == num_parameters(config.model)
    in_blocks = [module for block in model.blocks for module in block.modules() if isinstance(module, nn.LayerNorm)]
    assert bool(in_blocks) is (norm != "none")
    *_, last = train(config, tiny_data(config))
    assert last.kind == "finished"


@every_norm
def test_a_divided_block_adds_time_as_its_formula_says(norm):
    block = build_model(configure(MODELS["clips"], norm=norm, depth=1)).blocks[0]
    frames, patches = MODELS["clips"].model.num_frames, MODELS["clips"].model.num_patches
    x = torch.randn(2 * frames, patches, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = block.over_time(x)
        by_hand = torch.empty_like(x)
        for clip in range(2):
            for patch in range(patches):
                line = x[clip * frames : (clip + 1) * frames, patch][None]  # (1, T, D)
                read = block.project(block.time(block.norm_time(line) if norm == "pre" else line))
                total = line + read
                by_hand[clip * frames : (clip + 1) * frames, patch] = (
                    block.norm_time(total) if norm == "post" else total
                )
    torch.testing.assert_close(found, by_hand, rtol=0, atol=1e-6)
