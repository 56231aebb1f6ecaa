"""How large a model is, counted without building it (and so without loading torch)."""

from functools import singledispatch

from vit_lab.model_config import ModelConfig, TimesformerConfig, TransformerConfig, VitConfig


@singledispatch
def num_parameters(config: ModelConfig) -> int:
    """Numbers that training may change in the model of this config."""
    raise TypeError(type(config).__name__)


@num_parameters.register
def _(c: VitConfig) -> int:
    embed = (c.patch_size**2 * c.channels + 1) * c.dim + (c.pool == "cls") * c.dim
    position = c.num_tokens * c.dim if c.position == "learned" else 0
    block = _attention(c) + _mlp(c)
    return embed + position + c.depth * block + c.final_norm * _layer_norm(c) + (c.dim + 1) * c.num_classes


@num_parameters.register
def _(c: TimesformerConfig) -> int:
    embed = (c.patch_size**2 * c.channels + 1) * c.dim
    places = c.num_patches + (c.space_time != "space") * c.num_frames
    position = places * c.dim if c.position == "learned" else 0
    over_time = (_attention(c) + c.dim**2 + c.dim) * (c.space_time == "divided")  # and a projection with a bias
    block = over_time + _attention(c) + _mlp(c)
    return embed + position + c.depth * block + c.final_norm * _layer_norm(c) + (c.dim + 1) * c.num_classes


@num_parameters.register
def _(c: TransformerConfig) -> int:
    embed = 2 * c.vocabulary * c.dim
    encoder_block, decoder_block = _attention(c) + _mlp(c), 2 * _attention(c) + _mlp(c)
    blocks, norms = c.depth * (encoder_block + decoder_block), 2 * c.final_norm * _layer_norm(c)
    return embed + blocks + norms + (c.dim + 1) * c.vocabulary


def _attention(c: VitConfig | TimesformerConfig | TransformerConfig) -> int:
    """Queries, keys, values and output, and the LayerNorm before them; those of a Transformer have all biases."""
    qkv_bias, out_bias = (True, True) if isinstance(c, TransformerConfig) else (c.qkv_bias, c.out_bias)
    return 4 * c.dim**2 + 3 * c.dim * qkv_bias + c.dim * out_bias + _norm(c)


def _mlp(c: VitConfig | TimesformerConfig | TransformerConfig) -> int:
    """Two layers, and the LayerNorm before them."""
    hidden = round(c.dim * c.mlp_ratio)
    return 2 * c.dim * hidden + hidden + c.dim + _norm(c)


def _norm(c: VitConfig | TimesformerConfig | TransformerConfig) -> int:
    """That of a branch, if there is one."""
    return 0 if c.norm == "none" else _layer_norm(c)


def _layer_norm(c: VitConfig | TimesformerConfig | TransformerConfig) -> int:
    """A gain and a bias a feature."""
    return 2 * c.dim
