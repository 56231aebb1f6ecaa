"""How alike positions are, against cases worked by hand."""

import math

import pytest
import torch

from vit_lab.models.vit import sinusoidal_positions
from vit_lab.probes.positions import cosine_similarities


def test_cosines_by_hand():
    rows = torch.tensor([[1.0, 0.0], [0.0, 5.0], [-2.0, 0.0], [3.0, 3.0], [0.0, 0.0]])
    half = math.sqrt(0.5)
    expected = [
        [1, 0, -1, half, 0],
        [0, 1, 0, half, 0],
        [-1, 0, 1, -half, 0],
        [half, half, -half, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    torch.testing.assert_close(torch.from_numpy(cosine_similarities(rows.numpy())), torch.tensor(expected))


@pytest.mark.parametrize(("tokens", "dim"), [(4, 8), (16, 64), (49, 64)])
def test_sines_are_as_alike_as_they_are_near(tokens, dim):
    """sin a sin b + cos a cos b = cos(a - b): the cosine is the mean of cos(distance x frequency)."""
    alike = torch.from_numpy(cosine_similarities(sinusoidal_positions(tokens, dim).numpy()))
    frequencies = 10_000.0 ** (-torch.arange(0, dim, 2) / dim)
    for distance in range(tokens):
        expected = (distance * frequencies).cos().mean()
        torch.testing.assert_close(alike.diagonal(distance), expected.expand(tokens - distance), atol=1e-5, rtol=0)
