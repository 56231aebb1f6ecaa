"""The TimeSformer: shapes over a grid, what each kind of attention sees of a clip, how the divided block starts."""

import itertools

import pytest
import torch

from vit_lab.config import InitConfig
from vit_lab.init.build import initialise
from vit_lab.model_config import TimesformerConfig, VitConfig
from vit_lab.models.timesformer import TimeSformer
from vit_lab.models.vit import VisionTransformer

KINDS = ("space", "joint", "divided")
every_kind = pytest.mark.parametrize("space_time", KINDS)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def timesformer(**settings):
    """A small model with weights large enough to feel every part of it."""
    small = {"dim": 8, "depth": 2, "heads": 2, "patch_size": 14, "num_frames": 3, "zero_temporal": False}
    model = TimeSformer(TimesformerConfig(**small | settings))
    initialise(model, InitConfig(scheme="xavier", variance_scale=4.0), seed=1)
    return model


def clips(count=2, frames=3, seed=0):
    return torch.randn(count, frames, 1, 28, 28, generator=generator(seed))


@every_kind
@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
@pytest.mark.parametrize(("patch_size", "frames"), [(7, 2), (14, 3), (28, 5)])
def test_clips_become_tokens_and_logits(space_time, position, patch_size, frames):
    model = timesformer(space_time=space_time, position=position, patch_size=patch_size, num_frames=frames)
    patches = (28 // patch_size) ** 2
    tokens = model.tokens(clips(frames=frames))
    assert tokens.shape == ((2, frames * patches, 8) if space_time == "joint" else (2 * frames, patches, 8))
    assert all(block(tokens).shape == tokens.shape for block in model.blocks)
    assert model.pooled(tokens).shape == (2, 8)
    assert model(clips(frames=frames)).shape == (2, 10)


@every_kind
@torch.no_grad()
def test_a_clip_does_not_see_the_others_of_its_batch(space_time):
    model, batch = timesformer(space_time=space_time), clips(4)
    alone = torch.cat([model(clip[None]) for clip in batch])
    torch.testing.assert_close(model(batch), alone, rtol=1e-4, atol=1e-5)


def reach(model):
    """Which tokens of a clip each token of the last block depends on, (T N, T N) of bool, in the order of frames."""
    tokens = model.tokens(clips(1)).detach().requires_grad_()
    out = tokens
    for block in model.blocks:
        out = block(out)
    rows = [torch.autograd.grad(row.sum(), tokens, retain_graph=True)[0].flatten(0, 1) for row in out.flatten(0, 1)]
    return torch.stack(rows).abs().sum(dim=-1) > 0


@pytest.mark.parametrize("depth", [1, 2])
def test_each_kind_of_attention_reaches_what_the_paper_says(depth):
    frame, place = torch.arange(12) // 4, torch.arange(12) % 4
    same_frame, same_place = frame[:, None] == frame, place[:, None] == place
    assert torch.equal(reach(timesformer(space_time="space", depth=depth)), same_frame)
    assert reach(timesformer(space_time="joint", depth=depth)).all()
    assert reach(timesformer(space_time="divided", depth=depth)).all(), "over time, and from there over space"
    alone = timesformer(space_time="divided", depth=1)
    tokens = alone.tokens(clips(1)).detach().requires_grad_()
    over_time = alone.blocks[0].over_time(tokens).flatten(0, 1)
    seen = torch.stack(
        [
            torch.autograd.grad(row.sum(), tokens, retain_graph=True)[0].flatten(0, 1).abs().sum(dim=-1) > 0
            for row in over_time
        ]
    )
    assert torch.equal(seen, same_place)


@pytest.mark.parametrize(
    ("space_time", "position", "told_apart"),
    [
        ("space", "sinusoidal", False),
        ("space", "learned", False),
        ("joint", "none", False),
        ("divided", "none", False),
        ("joint", "sinusoidal", True),
        ("divided", "sinusoidal", True),
        ("divided", "learned", True),
    ],
)
@torch.no_grad()
def test_only_attention_over_time_with_positions_in_time_tells_a_clip_from_its_reverse(
    space_time, position, told_apart
):
    model, batch = timesformer(space_time=space_time, position=position), clips()
    if position == "learned":  # they start too small to be felt
        for name, parameter in model.named_parameters():
            parameter.mul_(50 if name.endswith("position") else 1)
    difference = (model(batch) - model(batch.flip(1))).abs().max()
    assert (float(difference) > 1e-3) == told_apart, difference


@torch.no_grad()
def test_a_projection_that_starts_at_zero_makes_a_divided_block_one_of_space_alone():
    zero = timesformer(space_time="divided", zero_temporal=True)
    assert all((block.project.weight == 0).all() for block in zero.blocks)
    tokens = zero.tokens(clips())
    for block in zero.blocks:
        assert torch.equal(block.over_time(tokens), tokens)
    assert not torch.equal(timesformer(space_time="divided").blocks[0].over_time(tokens), tokens)


@torch.no_grad()
def test_space_alone_is_a_vit_over_each_frame():
    video = timesformer(space_time="space")
    image = VisionTransformer(VitConfig(dim=8, depth=2, heads=2, patch_size=14))
    image.load_state_dict(video.state_dict())
    batch = clips()
    by_frame = image(batch.flatten(0, 1)).unflatten(0, (2, 3)).mean(dim=1)  # norm and mean come before a linear head
    torch.testing.assert_close(video(batch), by_frame, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_joint_attention_is_attention_over_all_tokens_at_once():
    model = timesformer(space_time="joint", depth=1)
    tokens = model.tokens(clips())
    order = torch.randperm(12, generator=generator())
    mixed = model.blocks[0](tokens)
    torch.testing.assert_close(model.blocks[0](tokens[:, order]), mixed[:, order], rtol=1e-4, atol=1e-5)


@every_kind
def test_gradients_reach_every_parameter(space_time):
    model = timesformer(space_time=space_time, position="learned")
    model(clips(8)).square().sum().backward()
    untouched = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert untouched == []


@pytest.mark.parametrize(("space_time", "share"), [*itertools.product(KINDS, [0.0, 0.3])])
def test_dropout_needs_a_generator_and_a_share(space_time, share):
    model = timesformer(space_time=space_time, dropout=share, attention_dropout=share)
    assert torch.equal(model(clips(), generator()), model(clips(), generator()))
    assert torch.allclose(model(clips(), generator()), model(clips()), atol=1e-6) == (share == 0)
