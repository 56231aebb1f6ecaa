"""What the patch embedding looks for: the weights of each dimension of a token, as small images.

D dim, P patch size, C channels. Dosovitskiy et al. 2021 call the embedding E, (P*P*C, D), in Eq. 1; its columns are the
filters, and Fig. 7 (left) shows their principal components.
"""

import torch
from torch import Tensor

from vit_lab.models.vit import VisionTransformer, unpatchify


def patch_filters(model: VisionTransformer) -> Tensor:
    """One filter a dimension of a token, in the order of the dimensions: (D, C, P, P)."""
    return _as_images(model, model.embed.weight.detach())


def principal_filters(model: VisionTransformer) -> Tensor:
    """The directions in which the filters spread most about their mean: (min(D, P*P*C), C, P, P).

    Unit vectors, the widest first.
    """
    weight = model.embed.weight.detach()
    return _as_images(model, torch.linalg.svd(weight - weight.mean(dim=0), full_matrices=False).Vh)


def _as_images(model: VisionTransformer, rows: Tensor) -> Tensor:  # (n, P*P*C) -> (n, C, P, P)
    return unpatchify(rows[:, None, :], model.config.patch_size, model.config.channels)
