"""What the lessons on patches, positions and attention show of a ViT."""

import numpy as np
import torch
from numpy.typing import NDArray

from vit_lab.config import RunConfig
from vit_lab.data.images import from_levels
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS
from vit_lab.lessons.models import of_kind
from vit_lab.lessons.seen import Array, Stages, Steps
from vit_lab.models.attention import attention_weights
from vit_lab.models.blocks import EncoderBlock
from vit_lab.models.transformer import causal_mask
from vit_lab.models.vit import VisionTransformer, patchify
from vit_lab.places import Place
from vit_lab.probes.attention import attention_entropy
from vit_lab.probes.filters import patch_filters, principal_filters
from vit_lab.probes.steps import attention_steps, unscaled_weights
from vit_lab.probes.trace import trace
from vit_lab.probes.weights import layers, weight_rows
from vit_lab.training.looks import Weights
from vit_lab.training.shuffled import ORDERS, Order, patch_orders, shuffle_patches, shuffled_accuracies


def steps(config: RunConfig, weights: Weights, pixels: bytes, block: int, variance: float) -> Steps:
    """The steps of attention in one block, from 0, on an image; `variance` multiplies that of queries' and keys' W."""
    model = of_kind(VisionTransformer, config, weights)
    layer = model.blocks[block]
    assert isinstance(layer, EncoderBlock)
    heads = trace(model, from_levels(pixels, DATASETS[config.data.dataset], config.data.normalise)).heads[block]
    found = attention_steps(layer.attention, heads, variance)
    unscaled, mask = unscaled_weights(found), causal_mask(heads.q.shape[2])
    of_image = {
        name: getattr(found, name)[0].numpy()
        for name in ("q", "k", "v", "products", "scores", "weights", "heads", "joined", "out")
    }
    return Steps(
        **of_image,
        unscaled=unscaled[0].numpy(),
        masked=attention_weights(found.q, found.k, mask)[0].numpy(),
        mask=mask.numpy(),
        entropy=attention_entropy(found.weights).numpy(),
        unscaled_entropy=attention_entropy(unscaled).numpy(),
    )


def stages(config: RunConfig, weights: Weights, pixels: bytes) -> Stages:
    """The stages of an image of these levels on its way into a model."""
    model, about = of_kind(VisionTransformer, config, weights), DATASETS[config.data.dataset]
    size = model.config.patch_size
    image, levels = (from_levels(pixels, about, normalise) for normalise in (config.data.normalise, False))
    rows = patchify(image, size)
    embedded, tokens = model.embed(rows), model.tokens(image)
    shapes = tuple(tuple(x.shape) for x in (image, rows, tokens))
    return Stages(patchify(levels, size)[0].numpy(), embedded[0].numpy(), tokens[0].numpy(), shapes)


def moved(config: RunConfig, weights: Weights) -> float:
    """How far training has moved the filters, over their size at the init (see `vit_lab.probes.weights`)."""
    embed = Place(group="embed")
    models = (of_kind(VisionTransformer, config, which) for which in (weights, Weights(0)))
    now, start = ({embed: layers(model)[embed]} for model in models)
    return next(value for measure, _, value in weight_rows(now, start) if measure == "weight_distance")


def filters(config: RunConfig, weights: Weights, principal: bool, most: int) -> Array:
    """The first filters of the embedding, or their principal components, (n, P, P, C)."""
    model = of_kind(VisionTransformer, config, weights)
    found = (principal_filters if principal else patch_filters)(model)[:most]
    return found.permute(0, 2, 3, 1).contiguous().numpy()


def encodings(config: RunConfig, weights: Weights) -> Array:
    """What a model adds to its patches, (N, D); the class token's is left out."""
    model = of_kind(VisionTransformer, config, weights)
    return model.position[0, -model.config.num_patches :].numpy().copy()


def accuracies(config: RunConfig, weights: Weights) -> tuple[dict[Order, float], int]:
    """Accuracy on the test images in every order of patches, and how many images these are. Raises DatasetError."""
    test = load_run_data(config).test
    model = of_kind(VisionTransformer, config, weights)
    return shuffled_accuracies(model, test, config.seed), len(test)


def in_every_order(images: NDArray[np.uint8], patch_size: int, patches: int) -> dict[str, NDArray[np.uint8]]:
    """Images (n, S, S) in every order of patches."""
    pixels = torch.from_numpy(images)[:, None]
    orders = {order: patch_orders(order, len(images), patches, 0) for order in ORDERS}
    return {order: shuffle_patches(pixels, patch_size, places)[:, 0].numpy() for order, places in orders.items()}
