"""The words that pages use for things, each once."""

GROUP_NAMES = {
    "embed": "patch embedding",
    "qk": "queries, keys",
    "vo": "values, output",
    "mlp": "MLP",
    "head": "classifier",
}


def layer_name(layer: str) -> str:
    """A layer as a person says it: "2.qk" is 'block 2: queries, keys'."""
    block, _, group = layer.rpartition(".")
    return f"block {block}: {GROUP_NAMES[group]}" if block else GROUP_NAMES[group]
