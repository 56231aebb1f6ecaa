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

    Dong et al. 2021; Noci et al. 2022, Sec. 3. One token alone counts as 1. From |sum of unit vectors|^2,
    which is N plus the sum over pairs.
    """
    count = tokens.shape[1]
    if count == 1:
        return torch.ones(())
    total = torch.nn.functional.normalize(tokens, dim=-1).sum(dim=1).square().sum(dim=-1)
    return ((total - count) / (count * (count - 1))).mean()


def effective_rank(features: Tensor) -> Tensor:
    """exp of the entropy of the normalised singular values: how many directions are in use. (B, D) -> ().

    Roy & Vetterli 2007, Eq. 3 to 5. From 1 (all features alike up to scale) to min(B, D); NaN if a feature is.
    """
    if not features.isfinite().all():
        return features.new_tensor(torch.nan)
    singular = torch.linalg.svdvals(features)
    return torch.special.entr(singular / singular.sum().clamp_min(1e-30)).sum().exp()
