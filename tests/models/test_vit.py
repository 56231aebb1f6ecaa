"""The Vision Transformer: shapes over a grid of configs, patches and positions by hand, gradients everywhere."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vit_lab.config import InitConfig
from vit_lab.init.build import initialise
from vit_lab.model_config import VitConfig
from vit_lab.models.size import num_parameters
from vit_lab.models.vit import VisionTransformer, patchify, sinusoidal_positions

GRID = {
    "patch_size": [4, 7, 28],
    "pool": ["cls", "mean"],
    "position": ["learned", "sinusoidal", "none"],
    "final_norm": [True, False],
    "qkv_bias": [True, False],
}
over_the_grid = pytest.mark.parametrize(
    "settings", [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())], ids=str
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def vit(**settings):
    """A small model with weights large enough to feel every part of it."""
    model = VisionTransformer(VitConfig(**{"dim": 8, "depth": 2, "heads": 2} | settings))
    initialise(model, InitConfig(scheme="xavier"), seed=1)
    return model


def images(count=3, channels=1, size=28):
    return torch.randn(count, channels, size, size, generator=generator())


@over_the_grid
def test_images_become_tokens_and_logits(settings):
    model = vit(**settings)
    tokens = (28 // settings["patch_size"]) ** 2 + (settings["pool"] == "cls")
    assert model.config.num_tokens == tokens
    assert model.tokens(images()).shape == (3, tokens, 8)
    assert model(images()).shape == (3, 10)
    assert model(images()).isfinite().all()


@over_the_grid
@torch.no_grad()
def test_the_logits_are_those_of_the_figure(settings):
    model, x = vit(**settings), images()
    tokens = F.linear(patchify(x, settings["patch_size"]), model.embed.weight, model.embed.bias)
    if settings["pool"] == "cls":
        tokens = torch.cat([model.class_token.expand(3, 1, 8), tokens], dim=1)
    if settings["position"] != "none":
        tokens = tokens + model.position
    mixed = model.blocks[1](model.blocks[0](tokens))
    if settings["final_norm"]:
        mixed = F.layer_norm(mixed, (8,))
    pooled = mixed[:, 0] if settings["pool"] == "cls" else mixed.sum(dim=1) / model.config.num_tokens
    logits = F.linear(pooled, model.head.weight, model.head.bias)
    torch.testing.assert_close(model(x), logits, rtol=0, atol=1e-5)


@over_the_grid
def test_the_gradient_reaches_every_parameter(settings):
    model = vit(**settings)
    F.cross_entropy(model(images()), torch.tensor([0, 1, 2])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@over_the_grid
def test_parameters_are_counted_without_building_the_model(settings):
    model = vit(**settings)
    assert num_parameters(model.config) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    "settings",
    [{"image_size": 32, "patch_size": 8, "channels": 3, "num_classes": 100}, {"mlp_ratio": 1.3, "out_bias": False}],
    ids=str,
)
def test_other_images_and_widths_fit_too(settings):
    model = vit(**settings)
    c = model.config
    assert model(images(2, c.channels, c.image_size)).shape == (2, c.num_classes)
    assert num_parameters(c) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_there_are_as_many_blocks_as_depth(depth):
    assert len(vit(depth=depth).blocks) == depth


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_images_of_a_batch_do_not_touch_one_another(pool):
    model, x = vit(pool=pool), images()
    torch.testing.assert_close(model(x)[1], model(x[1:2])[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("position", "blind"), [("none", True), ("sinusoidal", False), ("learned", False)])
def test_only_positions_tell_where_a_patch_is(position, blind):
    model, x = vit(position=position), images()
    swapped = torch.cat([x[..., 14:], x[..., :14]], dim=-1)  # left half and right half, whole patches each
    assert torch.allclose(model(x), model(swapped), atol=1e-6) == blind


@pytest.mark.parametrize(("channels", "size", "patch_size"), [(1, 28, 7), (1, 28, 28), (1, 6, 1), (3, 8, 4), (2, 6, 3)])
def test_patches_are_cut_row_by_row(channels, size, patch_size):
    x, p = images(2, channels, size), patch_size
    patches = patchify(x, p)
    corners = list(itertools.product(range(0, size, p), range(0, size, p)))
    assert patches.shape == (2, len(corners), p * p * channels)
    for b, (n, (top, left)) in itertools.product(range(2), enumerate(corners)):
        by_hand = [x[b, c, top + i, left + j] for i in range(p) for j in range(p) for c in range(channels)]
        assert torch.equal(patches[b, n], torch.stack(by_hand))


@pytest.mark.parametrize(("channels", "size", "patch_size"), [(1, 28, 7), (1, 28, 4), (3, 8, 4), (2, 6, 3)])
def test_patches_equal_those_of_unfold(channels, size, patch_size):
    x = images(2, channels, size)
    columns = F.unfold(x, patch_size, stride=patch_size).unflatten(1, (channels, -1))  # (B, C, P*P, N)
    assert torch.equal(patchify(x, patch_size), columns.permute(0, 3, 2, 1).flatten(2))


def test_patchify_and_a_linear_layer_are_a_strided_convolution():
    embed, x = vit(channels=3, image_size=8, patch_size=4).embed, images(2, 3, 8)
    convolution = nn.Conv2d(3, 8, 4, stride=4)
    convolution.load_state_dict(
        {"weight": embed.weight.unflatten(1, (4, 4, 3)).permute(0, 3, 1, 2), "bias": embed.bias}
    )
    theirs = convolution(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(embed(patchify(x, 4)), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("tokens", "dim"), [(1, 2), (17, 8), (50, 64), (5, 7)])
def test_sinusoidal_positions_follow_the_formula(tokens, dim):
    table = sinusoidal_positions(tokens, dim)
    assert table.shape == (tokens, dim)
    for n, column in itertools.product(range(tokens), range(dim)):
        angle = n / 10_000 ** (2 * (column // 2) / dim)
        expected = math.cos(angle) if column % 2 else math.sin(angle)
        assert float(table[n, column]) == pytest.approx(expected, abs=1e-5)


def test_fixed_positions_are_neither_trained_nor_saved():
    model = vit(position="sinusoidal")
    assert "position" not in dict(model.named_parameters()) and "position" not in model.state_dict()
    assert torch.equal(model.position[0], sinusoidal_positions(model.config.num_tokens, 8))


@pytest.mark.parametrize("settings", [{"dropout": 0.3}, {"attention_dropout": 0.3}], ids=str)
def test_dropout_is_active_exactly_when_given_a_generator(settings):
    model, plain, x = vit(**settings), vit(), images()
    assert torch.equal(model(x), plain(x))
    assert torch.equal(model(x, generator(1)), model(x, generator(1)))
    assert not torch.equal(model(x, generator(1)), model(x, generator(2)))
    torch.testing.assert_close(plain(x, generator(1)), plain(x))
