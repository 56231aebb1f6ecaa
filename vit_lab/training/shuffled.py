"""What a trained ViT still recognises once the patches of its images are shuffled.

Attention and the mean over tokens do not ask for an order (Vaswani et al. 2017, Sec. 3.5): a model without positions
gives an image and its shuffled twin the same answer, up to the order in which floats are added.

B images, C channels, S image size, P patch size, N = (S/P)^2 patches.
"""

from typing import Literal

import torch
from torch import Tensor

from vit_lab.data.run_data import Split
from vit_lab.models.vit import VisionTransformer, patchify, unpatchify
from vit_lab.randomness import generator_for
from vit_lab.training.evaluate import evaluate

Order = Literal["as they are", "one order for all", "an order for each"]
ORDERS: tuple[Order, ...] = ("as they are", "one order for all", "an order for each")


def shuffle_patches(images: Tensor, patch_size: int, orders: Tensor) -> Tensor:
    """Images (B, C, S, S) whose place i shows the patch from place orders[i]; `orders` is (N,), or (B, N) by image."""
    patches = patchify(images, patch_size)
    index = orders.expand(len(images), -1)[:, :, None].expand_as(patches)
    return unpatchify(patches.gather(1, index), patch_size, images.shape[1])


def patch_orders(order: Order, images: int, patches: int, seed: int) -> Tensor:
    """The permutations (B, N) of an order, drawn from the seed."""
    if order == "as they are":
        return torch.arange(patches).expand(images, -1)
    generator = generator_for(seed, "patch order", order)
    if order == "one order for all":
        return torch.randperm(patches, generator=generator).expand(images, -1)
    return torch.rand(images, patches, generator=generator).argsort(dim=1)


def shuffled_accuracies(model: VisionTransformer, split: Split, seed: int) -> dict[Order, float]:
    """Accuracy of a model on images as they are, with one order of patches for all, and with an order for each."""
    size, patches = model.config.patch_size, model.config.num_patches
    return {
        order: evaluate(model, Split(shuffle_patches(split.inputs, size, orders), split.labels))[1]
        for order in ORDERS
        for orders in [patch_orders(order, len(split), patches, seed)]
    }
