"""Patch filters are the embedding's weights, put where their pixels are; principal ones are found again."""

import pytest
import torch
from tiny import tiny

from vit_lab.init.build import build_model
from vit_lab.models.vit import patchify, unpatchify
from vit_lab.probes.filters import patch_filters, principal_filters


def model(**settings):
    return build_model(tiny(scheme="xavier", **settings))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 4, 7, 14, 28])
def test_unpatchify_undoes_patchify(size, channels):
    images = torch.arange(2.0 * channels * 28 * 28).reshape(2, channels, 28, 28)
    assert torch.equal(unpatchify(patchify(images, size), size, channels), images)


def test_a_filter_answers_its_own_picture_as_the_embedding_does():
    vit = model(patch_size=7)
    filters = patch_filters(vit)
    assert filters.shape == (8, 1, 7, 7)
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    second = image[0, 0, :7, 7:14]
    answers = (filters[:, 0] * second).sum(dim=(1, 2)) + vit.embed.bias
    torch.testing.assert_close(answers, vit.embed(patchify(image, 7))[0, 1])


def test_principal_filters_are_perpendicular_and_the_first_is_the_direction_of_most_spread():
    vit = model(patch_size=14)
    hidden = torch.zeros(14, 14)
    hidden[3, 5], hidden[9, 2] = 0.6, -0.8
    with torch.no_grad():
        vit.embed.weight.mul_(0.01).add_(5.0)  # the mean does not count
        vit.embed.weight.add_(torch.tensor([1.0, -1.0] * 4)[:, None] * hidden.flatten())
    found = principal_filters(vit).flatten(1)
    assert found.shape == (8, 196)
    torch.testing.assert_close(found @ found.T, torch.eye(8), atol=1e-4, rtol=0)
    assert abs(float(found[0] @ hidden.flatten())) == pytest.approx(1, abs=0.01)
