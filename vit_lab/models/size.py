"""How large a model is, counted without building it (and so without loading torch)."""

from vit_lab.config import VitConfig


def num_parameters(c: VitConfig) -> int:
    """Numbers that training may change in a VisionTransformer of this config."""
    hidden = round(c.dim * c.mlp_ratio)
    embed = (c.patch_size**2 * c.channels + 1) * c.dim + (c.pool == "cls") * c.dim
    position = c.num_tokens * c.dim if c.position == "learned" else 0
    attention = 4 * c.dim**2 + 3 * c.dim * c.qkv_bias + c.dim * c.out_bias
    mlp = 2 * c.dim * hidden + hidden + c.dim
    block = attention + mlp + 4 * c.dim  # two LayerNorms, a gain and a bias each
    return embed + position + c.depth * block + 2 * c.dim * c.final_norm + (c.dim + 1) * c.num_classes
