"""The words that pages use for things, each once. All without torch."""

from vit_lab.config import RunConfig, SchemeName
from vit_lab.init.schemes import SCHEMES
from vit_lab.model_config import ModelConfig, TimesformerConfig, TransformerConfig
from vit_lab.models.size import num_parameters
from vit_lab.settings import flat
from vit_lab.spelling import setting_words

LIVE_WEIGHTS = {  # measure: its heading, and what one number of it is called
    "weight_std": ("Spread of the weights (std)", "std"),
    "weight_distance": ("Distance from the init, relative to its size", "distance from init"),
}

KINDS_SAID = {
    "vit": "a Vision Transformer reads images, cut into patches.",
    "timesformer": "a TimeSformer reads clips, with attention over space and time.",
    "transformer": "an encoder-decoder Transformer reads a sequence and writes another.",
}

READ_BY = {
    "space": "the patches of its own frame",
    "joint": "the patches of all frames",
    "divided": "its place in all frames, then to its own frame",
}


def scheme_words(name: SchemeName) -> str:
    """A scheme's formula, what it was made for, and where it comes from, in Markdown."""
    scheme = SCHEMES[name]
    return f"**{name}**: ${scheme.latex}$. Made for {scheme.made_for} ({scheme.source})."


def unmet_words(config: RunConfig) -> str:
    """What a run's scheme was made for and the run has not; empty if it has all."""
    settings, wants = flat(config), SCHEMES[config.init.scheme].wants
    unmet = [f"{setting_words(field)} *{value}*" for field, value in wants if settings.get(field) != value]
    return f":orange-badge[not what it was made for: that is {', '.join(unmet)}]" if unmet else ""


def model_words(model: ModelConfig) -> str:
    """How its input becomes tokens, and how large the model is, in Markdown."""
    tokens = f"become **{model.num_tokens} tokens** of {model.dim} numbers"
    count = f"**{num_parameters(model):,} parameters**"
    heads, block = f"{model.heads} head{'s' * (model.heads > 1)}", f"block{'s' * (model.depth > 1)}"
    if isinstance(model, TransformerConfig):
        stacks = f"{model.depth} encoder and {model.depth} decoder {block} of {heads}"
        symbols = f"{model.sequence_length} symbol{'s' * (model.sequence_length > 1)}"
        return f"**{symbols}** {tokens}. {stacks}, {count}."
    blocks = f"{model.depth} {block} of {heads}"
    if isinstance(model, TimesformerConfig):
        clip = f"**{model.num_frames} frames of {_patches(model.num_patches)}**"
        return f"{clip} {tokens}. {blocks}, {count}. A patch attends to {READ_BY[model.space_time]}."
    token = " and a class token" if model.pool == "cls" else ""
    return f"**{_patches(model.num_patches)}{token}** {tokens}. {blocks}, {count}."


def _patches(count: int) -> str:
    return f"{count} patch{'es' if count > 1 else ''}"


def about(seconds: float) -> str:
    """A duration as a person says it."""
    return f"about {max(seconds, 1):.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


GLOSSARY = """
- **Arm**: one of the settings under comparison. A is blue, B orange.
- **Layer**: a group of weight matrices in one block, such as `2.qk`, the queries and keys of block 2. `vo` are the
  values and the projection after attention, `mlp` the two layers of the MLP, `embed` the embedding, `head` the
  classifier.
- **Nat**: the unit of a loss with natural logarithms. Guessing evenly among 10 classes costs ln 10 = 2.30 nats.
- **Std (σ) and variance (σ²)**: how widely the weights are spread; the variance is the std squared.
- **Frobenius norm**: the root of the sum of all squared weights, the length of a matrix seen as one long vector.
- **Update ratio**: the std of one training step's change over the std of the weights, as a power of ten.
- **Activation RMS**: the root of the mean squared activation, the typical size of the numbers in a token.
- **Attention head**: one of the parallel attentions in a block. Its **logits** are q·k/√d, before the softmax.
- **Attention entropy**: how evenly a head looks at the N tokens, divided by log N so that 1 is even and 0 is one token.
- **Rank collapse**: all tokens of an image become alike, so that attention has nothing left to choose from.
- **Effective rank**: how many directions the differences between images make use of, counted by their singular values.
- **Lazy learning**: the weights hardly move, and the network behaves as if it were linear in them.
- **Symlog**: an axis that is logarithmic on both sides of 0.
"""
