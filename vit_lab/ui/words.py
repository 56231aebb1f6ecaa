"""The words that pages use for things, each once."""

GROUP_NAMES = {
    "embed": "patch embedding",
    "qk": "queries, keys",
    "vo": "values, output",
    "mlp": "MLP",
    "head": "classifier",
}
DATASET_NAMES = {"mnist-10k": "MNIST, 10,000 digits", "mnist": "MNIST, all 70,000", "fashion-mnist": "Fashion-MNIST"}
SCHEME_NAMES = {
    "linear-default": "PyTorch default (nn.Linear)",
    "xavier": "Xavier uniform",
    "kaiming": "Kaiming normal",
    "vit": "ViT, σ = 0.02",
    "normal": "Normal, σ² = scale",
}


def layer_name(layer: str) -> str:
    """A layer as a person says it: "2.qk" is 'block 2: queries, keys'."""
    block, _, group = layer.rpartition(".")
    return f"block {block}: {GROUP_NAMES[group]}" if block else GROUP_NAMES[group]
