"""The trace follows the model's own forward pass and leaves no hook behind."""

import torch
from tiny import tiny

from vit_lab.init.build import build_model
from vit_lab.probes.rows import signal_and_attention
from vit_lab.probes.trace import trace


def test_the_trace_ends_in_what_the_model_classifies():
    for settings in ({"pool": "cls", "position": "learned"}, {"pool": "mean", "final_norm": False, "depth": 3}):
        model = build_model(tiny(**settings))
        images = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        passed = trace(model, images)
        assert torch.equal(model.classify(passed.tokens[-1]), model(images))
        assert len(passed.tokens) == model.config.depth + 1
        assert all(tokens.shape == (3, model.config.num_tokens, model.config.dim) for tokens in passed.tokens)


def test_queries_and_keys_are_those_of_the_attention():
    model = build_model(tiny(dim=8, heads=2))
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    passed = trace(model, images)
    block = model.blocks[0]
    projected = block.attention.qkv(block.norm_attention(model.tokens(images)))
    heads = passed.heads[0]
    assert torch.equal(heads.q[:, 1], projected[..., 4:8])
    assert torch.equal(heads.k[:, 0], projected[..., 8:12])


def test_probing_leaves_no_hooks():
    model = build_model(tiny())
    signal_and_attention(model, torch.zeros(2, 1, 28, 28))
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and not module._backward_hooks


def test_there_is_a_row_for_every_depth_and_head():
    model = build_model(tiny(dim=8, heads=2, depth=2))
    rows = signal_and_attention(model, torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    places = {measure: [str(place) for m, place, _ in rows if m == measure] for measure, _, _ in rows}
    for measure in ("activation_rms", "token_similarity", "effective_rank"):
        assert places[measure] == ["0", "1", "2"]
    for measure in ("attention_entropy", "max_attention_logit"):
        assert places[measure] == ["1/0", "1/1", "2/0", "2/1"]
