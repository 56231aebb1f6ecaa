"""Maps, rollout, lens and occlusion against what torch's own attention and plain loops say of the same pass."""

from dataclasses import dataclass, field

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences
from torch import nn

from vit_lab.data.images import black
from vit_lab.init.build import build_model
from vit_lab.models.attention import Attention
from vit_lab.models.blocks import Block
from vit_lab.probes.lens import lens, token_lens
from vit_lab.probes.maps import maps
from vit_lab.probes.occlusion import occlusion
from vit_lab.probes.rollout import rollout
from vit_lab.settings import configure

LARGE = {"scheme": "xavier", "variance_scale": 8.0, "biases": "scheme"}  # attention that is far from even
CONFIGS = {
    "mean": tiny(**LARGE),
    "class token": tiny(**LARGE, pool="cls", position="learned"),
    "post norm": tiny(**LARGE, norm="post", pool="cls"),
    "no norm": tiny(**LARGE, norm="none", final_norm=False, residual_factor=0.5),
    "wide heads": tiny(**LARGE | {"dim": 32, "heads": 1}),
    "space": tiny_clips(**LARGE, space_time="space"),
    "joint": tiny_clips(**LARGE, space_time="joint"),
    "divided": tiny_clips(**LARGE, zero_temporal=False),
    "divided, post norm": tiny_clips(**LARGE, norm="post"),
    "sequences": tiny_sequences(**LARGE),
    "sequences, post norm": tiny_sequences(**LARGE, norm="post", final_norm=False),
}


@dataclass
class Heard:
    """What hooks have heard of one pass: by module, the input of attentions and the output of blocks."""

    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)


@dataclass
class Case:
    config: object
    model: nn.Module
    example: torch.Tensor
    label: torch.Tensor
    heard: Heard = field(default_factory=Heard)

    @property
    def kind(self):
        return self.config.model.kind

    def blocks(self, name):
        return list(getattr(self.model, name))

    def weights(self, attention):
        """The weights of an attention as torch's own has them, from its input alone: (B, H, N, M)."""
        x, memory, mask = self.heard.inputs[attention]
        own = nn.MultiheadAttention(x.shape[-1], attention.heads, batch_first=True)
        own.in_proj_weight, own.in_proj_bias = attention.qkv.weight, attention.qkv.bias
        other = x if memory is None else memory
        blocked = None if mask is None else ~mask
        return own(x, other, other, attn_mask=blocked, average_attn_weights=False)[1].detach()


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys(), scope="module")
def case(request):
    config = configure(request.param, seed=5)
    data = tiny_data(config)
    made = Case(config, build_model(config), data.test.inputs[7], data.test.labels[7])

    def before(module, given, named):
        made.heard.inputs[module] = given[0].detach(), named.get("memory"), named.get("mask")

    def after(module, given, output):
        made.heard.outputs[module] = output.detach()

    for module in made.model.modules():
        if isinstance(module, Attention):
            module.register_forward_pre_hook(before, with_kwargs=True)
        if isinstance(module, Block):
            module.register_forward_hook(after)
    with torch.no_grad():
        made.logits = made.model(made.example[None])
    made.heard = Heard(dict(made.heard.inputs), dict(made.heard.outputs))
    made.maps = maps(made.model, made.example)
    return made


def close(mine, theirs):
    assert mine.shape == theirs.shape
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)


def test_attention_is_what_torchs_own_computes_from_the_same_input(case):
    encoder = case.blocks("blocks")
    expected = torch.stack([case.weights(block.attention) for block in encoder])  # (E, B, H, N, N)
    in_frames = case.kind == "timesformer" and case.config.model.space_time != "joint"
    close(case.maps.attention, expected.transpose(1, 2) if in_frames else expected[:, 0])
    for name in ("decoder", "cross"):
        part = "attention" if name == "decoder" else "cross"
        found = getattr(case.maps, name)
        if case.kind == "transformer":
            close(found, torch.stack([case.weights(getattr(block, part)) for block in case.blocks("decoder")])[:, 0])
        else:
            assert found is None
    if in_frames and case.config.model.space_time == "divided":
        close(case.maps.time, torch.stack([case.weights(block.time) for block in encoder]).transpose(1, 2))
    else:
        assert case.maps.time is None


def kept_and_read(weights):
    """A head mean plus the identity, its rows normalised: (H, N, N) -> (N, N), in loops."""
    tokens = weights.shape[-1]
    mixed = torch.zeros(tokens, tokens, dtype=torch.float64)
    for row in range(tokens):
        for column in range(tokens):
            mixed[row, column] = weights[:, row, column].double().mean() + (row == column)
        mixed[row] /= mixed[row].sum()
    return mixed


def dense(case, number):
    """The step of one block over all tokens of a clip, frame by frame: (T P, T P)."""
    c, block = case.config.model, case.blocks("blocks")[number]
    frames, patches = c.num_frames, c.num_patches
    space = torch.block_diag(*[kept_and_read(one) for one in case.weights(block.attention)])
    if c.space_time == "space":
        return space
    time = torch.zeros_like(space)
    for place, weights in enumerate(case.weights(block.time)):
        rows = torch.arange(frames) * patches + place
        time[rows[:, None], rows] = kept_and_read(weights)
    return space @ time


def test_rollout_is_the_product_of_the_blocks_matrices(case):
    total = torch.tensor(1.0)
    for number, block in enumerate(case.blocks("blocks")):
        if case.kind == "timesformer" and case.config.model.space_time != "joint":
            step = dense(case, number)
        else:
            step = kept_and_read(case.weights(block.attention)[0])
        total = step if number == 0 else step @ total
    reads_class_token = case.kind == "vit" and case.config.model.pool == "cls"
    close(case.maps.rollout, (total[0] if reads_class_token else total.mean(dim=0)).float())
    assert float(case.maps.rollout.sum()) == pytest.approx(1, abs=1e-5)


def test_rollout_of_even_attention_halves_the_way_to_the_mean():
    """Each of three blocks keeps a half and reads a half of the mean."""
    even = torch.full((1, 2, 4, 4), 0.25)
    kept = 0.5**3
    close(rollout([even] * 3), (kept * torch.eye(4) + (1 - kept) / 4)[None])


def leaving(case):
    return [case.heard.outputs[block] for block in case.blocks("decoder" if case.kind == "transformer" else "blocks")]


def by_token(case, tokens):
    norm = case.model.norm_decoder if case.kind == "transformer" else case.model.norm
    return torch.softmax(norm(tokens) @ case.model.head.weight.T + case.model.head.bias, dim=-1)


@torch.no_grad()
def test_the_lens_is_the_classifier_after_each_block_and_ends_with_the_answer(case):
    found = lens(case.model, case.maps.leaving)
    close(found[-1], case.logits.softmax(dim=-1))
    for mine, tokens in zip(found, leaving(case), strict=True):
        if case.kind == "transformer":
            close(mine, by_token(case, tokens))
            continue
        normed = case.model.norm(tokens).flatten(0, 1)
        is_class_token = case.kind == "vit" and case.config.model.pool == "cls"
        read = normed[0] if is_class_token else normed.mean(dim=0)
        close(mine[0], torch.softmax(read @ case.model.head.weight.T + case.model.head.bias, dim=-1))


@torch.no_grad()
def test_the_lens_of_a_token_is_the_classifier_on_it_alone(case):
    found = token_lens(case.model, case.maps.leaving)
    for mine, tokens in zip(found, leaving(case), strict=True):
        close(mine, by_token(case, tokens))
    if case.kind == "vit" and case.config.model.pool == "cls":
        close(found[:, :, 0], lens(case.model, case.maps.leaving))


@torch.no_grad()
def test_occlusion_is_what_the_true_class_loses_part_by_part(case):
    model, example, label = case.model, case.example, case.label
    if case.kind == "transformer":
        lost = []
        for place in range(example.shape[1]):
            blanked = example.clone()
            blanked[0, place] = 0
            pair = [model(one[None]).softmax(-1)[0, -1, label[-1]] for one in (example, blanked)]
            lost.append(pair[0] - pair[1])
        close(occlusion(model, example, label, torch.tensor(0)), torch.stack(lost))
        return
    dark, size = black(case.config.data), case.config.model.patch_size
    frames = example if case.kind == "timesformer" else example[None]
    side = frames.shape[-1] // size
    lost = torch.empty(len(frames), side * side)
    for frame in range(len(frames)):
        for patch in range(side * side):
            row, column = (size * part for part in divmod(patch, side))
            blanked = frames.clone()
            blanked[frame, :, row : row + size, column : column + size] = dark
            pair = [model(one.view_as(example)[None]).softmax(-1)[0, label] for one in (frames, blanked)]
            lost[frame, patch] = pair[0] - pair[1]
    close(occlusion(model, example, label, dark), lost if case.kind == "timesformer" else lost[0])


def test_a_patch_that_is_black_already_loses_nothing():
    config = tiny(patch_size=4, seed=1)
    example = black(config.data).expand(1, 28, 28).clone()
    example[:, :14] = 2.0
    lost = occlusion(build_model(config), example, torch.tensor(3), black(config.data))
    assert lost.shape == (49,) and lost[28:].abs().max() < 1e-7 < lost[:21].abs().max()
