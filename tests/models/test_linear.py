"""The lab's linear layer is torch's, and so are its gradients."""

import pytest
import torch
from torch import nn

from vit_lab.models.linear import Linear


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 8), (2, 2, 3, 8), (0, 8)])
def test_it_computes_what_torchs_own_does_and_learns_the_same(shape, bias):
    ours, theirs = Linear(8, 6, bias=bias), nn.Linear(8, 6, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    results = []
    for layer in (ours, theirs):
        x = inputs.clone().requires_grad_()
        out = layer(x)
        (out**2).sum().backward()
        results.append([out.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())])
    assert len(results[0]) == 3 + bias
    for mine, torchs in zip(*results, strict=True):
        torch.testing.assert_close(mine, torchs)
