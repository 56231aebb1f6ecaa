"""Configs of tiny runs from all over the settings: drawn from a seed, each setting as likely as not another than usual.

By the seed, schemes, optimiser and kinds of model take turns, so that a few configs in a row have them all.
"""

from typing import Any

import numpy as np

from vit_lab.config import GROUPS, NEEDS, SCHEMES, STANDARD_RATES, RunConfig
from vit_lab.model_config import KINDS
from vit_lab.settings import configure

WIDTHS = [
    (8, 2),
    (12, 3),
    (16, 1),
    (32, 2),
    (24, 4),
    (16, 8),
    (20, 1),
]  # dim and heads: below 16 features a head, and more
PATCHES = {"mnist-10k": [4, 7, 14, 28], "fashion-10k": [7, 14], "mnist": [7, 14], "cifar-10": [8, 16]}
RATES = {"adamw": [1e-3, 4e-3], "sgd": [0.03, 0.3], "muon": [0.01, 0.02]}


def anything(seed: int, images: tuple[str, ...] = ("mnist-10k", "fashion-10k")) -> RunConfig:
    """The config of a seed; `images` are the sets that may be used."""
    rng = np.random.default_rng(seed)
    scheme, optimiser = SCHEMES[seed % len(SCHEMES)], list(STANDARD_RATES)[seed % len(STANDARD_RATES)]
    kinds = [kind for kind, model in KINDS.items() if set(NEEDS.get(scheme, ())) <= set(model.model_fields)]
    kind = kinds[(seed + seed // len(SCHEMES)) % len(kinds)]

    def pick(*choices: Any) -> Any:
        return choices[rng.integers(len(choices))]

    dim, heads = pick(*WIDTHS)
    settings: dict[str, Any] = {
        "seed": int(rng.integers(2**31)),
        "kind": kind,
        "dim": dim,
        "heads": heads,
        "depth": pick(1, 2, 3),
        "mlp_ratio": pick(1.0, 2.0, 3.0),
        "dropout": pick(0.0, 0.0, 0.2),
        "attention_dropout": pick(0.0, 0.0, 0.3),
        "norm": pick("pre", "post", "none"),
        "final_norm": pick(True, False),
        "residual_factor": pick(1.0, 1.0, 1.5),
    }
    settings |= {"vit": _vit, "timesformer": _clips, "transformer": _sequences}[kind](pick, images)
    if scheme in NEEDS:
        settings |= NEEDS[scheme]
    settings |= {
        "scheme": scheme,
        "variance_scale": pick(1.0, 1.0, 0.3, 20.0),
        "biases": pick("zero", "zero", "scheme"),
        "residual": pick("plain", "depth-scaled", "zero"),
        "norm_matched": pick(False, False, True),
    }
    settings |= {"gamma": pick(0.5, 0.8)} if scheme == "gamma" else {}
    settings |= {f"{group}_scale": pick(1.0, 1.0, 1.0, 0.5, 3.0) for group in GROUPS} if pick(True, False) else {}
    length = {"epochs": 2} if pick(True, False, False) and settings["train_size"] else {"steps": pick(3, 7, 12)}
    settings |= length | {
        "batch_size": pick(8, 16, 40),
        "optimiser": optimiser,
        "learning_rate": pick(*RATES[optimiser]),
        "weight_decay": pick(0.0, 0.05, 0.5),
        "decay": pick("matrices", "all"),
        "beta1": pick(0.9, 0.8),
        "beta2": pick(0.99, 0.999),
        "momentum": pick(0.0, 0.9),
        "nesterov": pick(True, False),
        "schedule": pick("cosine", "constant", "noam"),
        "schedule_unit": pick("step", "epoch"),
        "warmup_steps": pick(0, 3, 50),
        "clip_norm": pick(None, 1.0, 0.1),
        "label_smoothing": pick(0.0, 0.1),
        "double_softmax": pick(False, False, True),
    }
    return configure(**settings)


def _vit(pick: Any, images: tuple[str, ...]) -> dict[str, Any]:
    dataset = pick(*images)
    return {
        "dataset": dataset,
        "train_size": pick(None, 30, 50),
        "validation_size": pick(None, 0, 20),
        "label_noise": pick(0.0, 0.3),
        "pixel_noise": pick(0.0, 0.2),
        "normalise": pick(True, False),
        "shift": pick(0, 0, 2),
        "flip": pick(False, True),
        "patch_size": pick(*PATCHES[dataset]),
        "position": pick("learned", "sinusoidal", "none"),
        "pool": pick("cls", "mean"),
        "qkv_bias": pick(True, False),
        "out_bias": pick(True, False),
    }


def _clips(pick: Any, _: tuple[str, ...]) -> dict[str, Any]:
    return {
        "dataset": pick("moving-direction", "moving-digits"),
        "train_size": pick(None, 30, 50),
        "normalise": pick(True, False),
        "patch_size": pick(7, 14, 28),
        "position": pick("learned", "sinusoidal", "none"),
        "qkv_bias": pick(True, False),
        "out_bias": pick(True, False),
        "num_frames": pick(2, 3),
        "space_time": pick("space", "joint", "divided", "divided"),
        "zero_temporal": pick(True, False),
    }


def _sequences(pick: Any, _: tuple[str, ...]) -> dict[str, Any]:
    return {
        "dataset": pick("copy", "reverse"),
        "train_size": pick(None, 30, 50),
        "vocabulary": pick(3, 5, 11),
        "sequence_length": pick(1, 4, 7),
    }
