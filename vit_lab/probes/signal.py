"""How the signal travels through depth: its size, how alike the tokens become, how many directions it uses.

B images, N tokens, D dim.
"""

import torch
from torch import Tensor


def rms(x: Tensor) -> Tensor:
    """sqrt(mean x^2) over everything (He et al. 2015, Sec. 2.2 follow the same quantity, squared)."""
    return x.square().mean().sqrt()


def token_similarity(tokens: Tensor) -> Tensor:
    """Mean cosine between different tokens of one image, over images: 1 is rank collapse. (B, N, D) -> ().

    Dong et al. 2021; Noci et al. 2022, Sec. 3. One token alone counts as 1, and a token of zeros has cosine 0 with
    every other. From |sum of unit vectors|^2, which is the number of tokens that are not zero plus the sum over pairs.
    """
    count = tokens.shape[1]
    if count == 1:
        return tokens.new_ones(())
    unit = torch.nn.functional.normalize(tokens, dim=-1)
    total, not_zero = unit.sum(dim=1).square().sum(dim=-1), unit.any(dim=-1).sum(dim=-1)
    return ((total - not_zero) / (count * (count - 1))).mean()


def effective_rank(features: Tensor) -> Tensor:
    """exp of the entropy of the normalised singular values: how many directions are in use. (B, D) -> ().

    Roy & Vetterli 2007, on features with their mean over the images taken away: what all images share, such as the
    mean position, says nothing of diversity, and its share would shrink as the init grows. From 1 (all differences
    along one line) to min(B - 1, D); NaN if a feature is.
    """
    if not features.isfinite().all():
        return features.new_tensor(torch.nan)
    singular = torch.linalg.svdvals(features - features.mean(dim=0))
    return torch.special.entr(singular / singular.sum().clamp_min(1e-30)).sum().exp()
