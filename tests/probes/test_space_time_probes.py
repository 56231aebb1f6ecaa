"""What a patch reads of a clip is what the model's attention says, in reach and out of it; and time turned round."""

import pytest
import torch

from vit_lab.init.build import build_model
from vit_lab.models.scores import attention_scores, macs_per_token, patches_read, scores_of_patch
from vit_lab.probes.space_time import block_differences, both_ways, reads
from vit_lab.settings import configure

WAYS = ("space", "joint", "divided")
CLIPS = torch.randn((5, 3, 1, 28, 28), generator=torch.Generator().manual_seed(0))
every_way = pytest.mark.parametrize("way", WAYS)


def built(way, **settings):
    own = {
        "kind": "timesformer",
        "dataset": "moving-direction",
        "num_frames": 3,
        "patch_size": 14,
        "dim": 8,
        "depth": 2,
        "heads": 2,
    }
    return build_model(configure(**own | settings, space_time=way, scheme="xavier", variance_scale=4.0))


@every_way
@pytest.mark.parametrize("block", [0, 1])
def test_the_weights_of_a_patch_sum_to_one_and_reach_what_they_should(way, block):
    found = reads(built(way), CLIPS[0], block, frame=1, patch=2)
    assert found.space.shape == (3, 4) and float(found.space.sum()) == pytest.approx(1)
    if way == "joint":
        assert (found.space > 0).all() and found.time is None
        return
    assert (found.space[1] > 0).all() and not found.space[[0, 2]].any(), "its own frame"
    if way == "divided":
        assert float(found.time.sum()) == pytest.approx(1)
        assert (found.time[:, 2] > 0).all() and not found.time[:, [0, 1, 3]].any(), "its own place"


@torch.no_grad()
def test_the_weights_are_those_by_which_attention_mixes():
    """By hand: the values of the places that are read, in these shares, are what attention gives; one head."""
    model = built("divided", heads=1, zero_temporal=False)
    found = reads(model, CLIPS[0], 0, frame=2, patch=1)
    block, x = model.blocks[0], model.tokens(CLIPS[:1])
    line = block.norm_time(x)[:, 1]  # the place through all frames, (T, D)
    values = block.time.qkv(line)[:, 16:]
    torch.testing.assert_close(block.time(line[None])[0, 2], block.time.out(found.time[:, 1] @ values))
    here = block.norm_attention(block.over_time(x))[2]
    values = block.attention.qkv(here)[:, 16:]
    torch.testing.assert_close(block.attention(here[None])[0, 1], block.attention.out(found.space[2] @ values))


@torch.no_grad()
def test_joint_attention_counts_patches_frame_by_frame():
    """A token that all look for, by hand: the key of frame 2, patch 3 is the only one that fits the queries."""
    model = built("joint", heads=1, position="none")
    attention = model.blocks[0].attention
    attention.qkv.weight.zero_()
    attention.qkv.bias.zero_()
    attention.qkv.weight[8:16] = 50 * torch.eye(8)
    x = model.blocks[0].norm_attention(model.tokens(CLIPS[:1]))[0]
    attention.qkv.bias[:8] = x[2 * 4 + 3]  # the query of everyone
    found = reads(model, CLIPS[0], 0, frame=0, patch=0)
    assert int(found.space.argmax()) == 2 * 4 + 3


def test_a_divided_model_whose_projection_starts_at_zero_is_one_of_space_alone_to_the_bit():
    space, divided, other = built("space"), built("divided"), built("divided", zero_temporal=False)
    tokens = divided.tokens(CLIPS).detach()
    assert block_differences(divided, space, tokens) == [0.0, 0.0]
    assert all(difference > 0.01 for difference in block_differences(other, space, tokens))
    assert block_differences(space, space, tokens) == [0.0, 0.0]


@every_way
@torch.no_grad()
def test_both_ways_are_the_models_logits_forwards_and_backwards(way):
    model = built(way, zero_temporal=False)
    forwards, backwards = both_ways(model, CLIPS, at_once=2)
    torch.testing.assert_close(forwards, model(CLIPS))
    torch.testing.assert_close(backwards, model(CLIPS.flip(1)))
    assert torch.allclose(forwards, backwards, atol=1e-5) == (way == "space"), "space alone has no order"


def test_scores_and_patches_of_a_hand_counted_clip():
    """Two frames of three patches: six patches in all."""
    assert [patches_read(way, 2, 3) for way in WAYS] == [3, 6, 4], "the patch itself counts once"
    assert [scores_of_patch(way, 2, 3) for way in WAYS] == [3, 6, 5]
    assert [attention_scores(way, 2, 3) for way in WAYS] == [2 * 9, 36, 3 * 4 + 2 * 9]


@every_way
def test_macs_count_every_matrix_and_every_score(way):
    model = built(way)
    c = model.config
    block = sum(p.numel() for p in model.blocks[0].parameters() if p.ndim == 2)  # a weight is one MAC a token
    assert macs_per_token(c) == block + 2 * c.dim * scores_of_patch(way, c.num_frames, c.num_patches)
