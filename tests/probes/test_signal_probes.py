"""Signal probes against cases worked by hand."""

import math

import pytest
import torch

from vit_lab.probes.signal import effective_rank, rms, token_similarity


def test_rms_by_hand():
    assert float(rms(torch.tensor([[3.0, -3.0], [1.0, 1.0]]))) == pytest.approx(math.sqrt(5))


def test_identical_tokens_have_similarity_one():
    assert float(token_similarity(torch.randn(3, 1, 8, generator=generator()).expand(3, 5, 8))) == pytest.approx(
        1, abs=1e-5
    )


def test_orthogonal_tokens_have_similarity_zero():
    assert float(token_similarity(torch.eye(4)[None] * 7)) == pytest.approx(0, abs=1e-6)


def test_opposite_tokens_have_similarity_minus_one():
    assert float(token_similarity(torch.tensor([[[1.0, 2.0], [-2.0, -4.0]]]))) == pytest.approx(-1)


def test_similarity_equals_the_mean_over_pairs():
    tokens = torch.randn(2, 6, 5, generator=generator())
    cosine = torch.nn.functional.cosine_similarity(tokens[:, :, None], tokens[:, None], dim=-1)
    others = ~torch.eye(6, dtype=torch.bool)
    assert float(token_similarity(tokens)) == pytest.approx(float(cosine[:, others].mean()), abs=1e-6)


def test_a_token_of_zeros_has_cosine_zero_with_every_other_and_no_diagonal():
    """By hand: cosines 0.6 and four times 0 or 0, over three pairs; without the zero token the pair alone."""
    tokens = torch.tensor([[[1.0, 0.0], [0.6, 0.8], [0.0, 0.0]]])
    assert float(token_similarity(tokens)) == pytest.approx(0.6 / 3, abs=1e-6)
    assert float(token_similarity(tokens[:, :2])) == pytest.approx(0.6, abs=1e-6)
    assert float(token_similarity(torch.zeros(1, 4, 2))) == 0.0


def test_one_token_alone_is_like_itself():
    assert float(token_similarity(torch.ones(2, 1, 3))) == 1.0


def test_a_matrix_of_rank_one_has_effective_rank_one():
    column, row = torch.randn(20, 1, generator=generator()), torch.randn(1, 9, generator=generator())
    assert float(effective_rank(column @ row)) == pytest.approx(1, abs=1e-3)


def test_equal_singular_values_count_in_full():
    assert float(effective_rank(balanced(3 * torch.eye(7)))) == pytest.approx(7, rel=1e-5)


def test_effective_rank_by_hand():
    # Singular values 3 and 1 are shares 3/4 and 1/4.
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert float(effective_rank(balanced(torch.diag(torch.tensor([3.0, 1.0]))))) == pytest.approx(
        math.exp(entropy), rel=1e-5
    )


def test_features_of_nothing_use_no_direction():
    assert float(effective_rank(torch.zeros(4, 4))) == pytest.approx(1)


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_what_all_images_share_does_not_count(scale):
    features = torch.randn(30, 6, generator=generator())
    alone = float(effective_rank(features))
    assert float(effective_rank(scale * features + 5)) == pytest.approx(alone, rel=1e-3)


def balanced(features: torch.Tensor) -> torch.Tensor:
    """The same directions with a mean of zero; shares of singular values stay as they are."""
    return torch.cat([features, -features])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
