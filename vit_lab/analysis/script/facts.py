"""What of a run decides which lines its script has: facts as words, and the constants that stand at its top."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vit_lab.config import GROUPS, GroupName, RunConfig
from vit_lab.data.bundled import BUNDLES
from vit_lab.datasets import DATASETS, TRAVEL, Examples
from vit_lab.init.schemes import ELEMENTWISE
from vit_lab.model_config import FUSED_FROM, FUSED_TOKENS, ModelConfig, TimesformerConfig, TransformerConfig, VitConfig
from vit_lab.paths import data_folder
from vit_lab.training.cadence import PROBE_IMAGES, STEP_EVENTS

# Which matrices a group has, by the last words of their names.
PARTS: dict[GroupName, str] = {"embed": "embed", "qk": "q k", "vo": "v out project", "mlp": "up down", "head": "head"}
DIGITS = "mnist-10k"  # what clips are made of


def facts_of(config: RunConfig) -> frozenset[str]:
    """The words that hold of a run; those of its settings are its settings' own."""
    told = _of_data(config) | _of_model(config) | _of_init(config) | _of_training(config)
    return frozenset(word for word, is_so in told.items() if is_so)


def _of_data(config: RunConfig) -> dict[str, bool]:
    data, examples = config.data, DATASETS[config.data.dataset].examples
    pixels = _pixels(config)
    download = None if pixels is None else DATASETS[pixels].download
    return {
        examples: True,
        data.dataset: True,
        "pixels": pixels is not None,
        "bundled": pixels is not None and download is None,
        "cifar": data.dataset == "cifar-10",
        "idx": download is not None and data.dataset != "cifar-10",
        "normalise": data.normalise,
        "validated": validation_size(config) > 0,
        "subset": data.train_size is not None,
        "label_noise": data.label_noise > 0,
        "pixel_noise": data.pixel_noise > 0,
        "shift": data.shift > 0,
        "flip": data.flip,
    }


def _of_model(config: RunConfig) -> dict[str, bool]:
    model = config.model
    few = [tokens < FUSED_TOKENS for tokens in _tokens_read(model)]  # of each kind of attention
    told = {
        model.kind: True,
        f"norm-{model.norm}": True,
        "final_norm": model.final_norm,
        "factor": model.residual_factor != 1,
        "dropout": model.dropout > 0,
        "attention_dropout": model.attention_dropout > 0,
        "drops": model.dropout > 0 or model.attention_dropout > 0,
        "narrow": model.dim < FUSED_FROM * model.heads,
        "few_tokens": any(few),
        "formula": any(few) or model.attention_dropout > 0,
        "fused": not all(few),
        "qkv_bias": True,
        "out_bias": True,
    }
    if not isinstance(model, TransformerConfig):
        told |= {f"position-{model.position}": True, "qkv_bias": model.qkv_bias, "out_bias": model.out_bias}
        told |= {"learned": model.position == "learned", "all_biased": model.qkv_bias and model.out_bias}
    if isinstance(model, VitConfig):
        told |= {"cls": model.pool == "cls", "learned": model.position == "learned" or model.pool == "cls"}
    if isinstance(model, TimesformerConfig):
        told |= {model.space_time: True}
    return told


def _tokens_read(model: ModelConfig) -> list[int]:
    """How many tokens a token reads, for each kind of attention that a model has."""
    if isinstance(model, TimesformerConfig):
        places, frames = model.num_patches, model.num_frames
        return {"space": [places], "joint": [frames * places], "divided": [frames, places]}[model.space_time]
    return [model.num_tokens]


def _of_init(config: RunConfig) -> dict[str, bool]:
    init, scales = config.init, {config.init.scale(group) for group in GROUPS}
    holds_time = isinstance(config.model, TimesformerConfig) and config.model.space_time == "divided"
    return {
        f"scheme-{init.scheme}": True,
        "elementwise": init.scheme in ELEMENTWISE,
        "norm_matched": init.norm_matched,
        "structured": init.scheme in ("mimetic", "impulse"),
        "biases": init.biases == "scheme" and init.scheme not in ("orthogonal", "lsuv"),
        "depth-scaled": init.residual == "depth-scaled",
        "zero": init.residual == "zero",
        "zero_temporal": holds_time and isinstance(config.model, TimesformerConfig) and config.model.zero_temporal,
        "one_scale": len(scales) == 1 and scales != {1.0},
        "scales": len(scales) > 1,
        "scaled": scales != {1.0},
    }


def _of_training(config: RunConfig) -> dict[str, bool]:
    optim, steps = config.optim, config.total_steps
    return {
        f"by-{optim.optimiser}": True,
        "decay-all": optim.decay == "all",
        "nesterov": optim.nesterov and optim.momentum > 0,
        "warm": optim.warmup_steps > 0,
        "falls": optim.warmup_steps < steps,
        f"schedule-{optim.schedule}": True,
        "by_epoch": optim.schedule_unit == "epoch",
        "clip": optim.clip_norm is not None,
        "every_step": steps // STEP_EVENTS < 2,
        "smooth": optim.label_smoothing > 0,
        "double_softmax": optim.double_softmax,
    }


def constants(config: RunConfig, is_elsewhere: bool) -> list[Mapping[str, object]]:
    """The numbers of a run by the names that its script gives them: of data, model, init and training.

    Where the data lies is told of this machine, or, for another, from where the script is.
    """
    optim, examples = config.optim, config.train_images
    steps = optim.total_steps(examples)
    return [
        {"SEED": config.seed},
        *_data_constants(config, is_elsewhere),
        *_model_constants(config),
        *_init_constants(config),
        {"STEPS": steps, "BATCH": optim.batch_size, "EVERY": max(1, steps // STEP_EVENTS)},
        {"RATE": optim.learning_rate, "WARMUP": optim.warmup_steps, "EPOCH": optim.steps_per_epoch(examples)},
        {"MOMENTUM": optim.momentum, "BETAS": (optim.beta1, optim.beta2), "DECAY": optim.weight_decay}
        | {"CLIP": optim.clip_norm, "SMOOTHING": optim.label_smoothing},
    ]


def validation_size(config: RunConfig) -> int:
    """Examples held out of training."""
    wanted = config.data.validation_size
    return DATASETS[config.data.dataset].sizes.validation if wanted is None else wanted


def _pixels(config: RunConfig) -> str | None:
    """The set of images that a run reads, itself or as clips; None for sequences, which are drawn."""
    examples: Examples = DATASETS[config.data.dataset].examples
    return {"images": config.data.dataset, "clips": DIGITS}.get(examples)


def _data_constants(config: RunConfig, is_elsewhere: bool) -> list[Mapping[str, object]]:
    data, dataset, pixels = config.data, DATASETS[config.data.dataset], _pixels(config)
    sizes = {"VALIDATION": dataset.sizes.validation, "TEST": dataset.sizes.test, "PROBED": PROBE_IMAGES}
    if pixels is None:
        return [{"EXAMPLES": config.train_images, **sizes}]
    source = DATASETS[pixels]
    mean, std = source.scale(data.normalise)
    held_out = source.sizes.validation if data.validation_size is None else data.validation_size
    published = {"PUBLISHED": source.sizes.train + source.sizes.validation, "HELD_OUT": held_out}
    noise = tuple(data.pixel_noise * (1 / divisor) for divisor in std)
    black = (np.float32(0) - np.array(mean, np.float32)) / np.array(std, np.float32)
    is_grey = len(mean) == 1
    return [
        {"DATA": _file_of(pixels, is_elsewhere).as_posix()},
        {"MEAN": mean[0] if is_grey else mean, "STD": std[0] if is_grey else std}
        | {**published, "EXAMPLES": data.train_size, **sizes, "TRAVEL": TRAVEL}
        | {"LABEL_NOISE": data.label_noise, "PIXEL_NOISE": noise, "SHIFT": data.shift, "BLACK": tuple(black.tolist())},
    ]


def _file_of(pixels: str, is_elsewhere: bool) -> Path:
    """Where a set lies: a bundled file, or the folder of a downloaded one; for another machine from the script on."""
    download = DATASETS[pixels].download
    if download is None:
        path = BUNDLES[pixels].path
        return Path(path.name) if is_elsewhere else path.resolve()
    folder = Path(download.files[0]).parent
    return folder if is_elsewhere else (data_folder() / folder).resolve()


def where_from(config: RunConfig) -> str:
    """How somebody without the lab's files comes by those that a run reads, in words; empty if it reads none."""
    pixels = _pixels(config)
    if pixels is None:
        return ""
    download = DATASETS[pixels].download
    if download is None:
        return f"beside this script belongs {BUNDLES[pixels].path.name}, from vit_lab/data of ViT Lab"
    return f'torchvision.datasets.{download.torchvision_class}(".", download=True) brings DATA'


def _model_constants(config: RunConfig) -> list[Mapping[str, object]]:
    model = config.model
    told: dict[str, object] = {"DIM": model.dim, "DEPTH": model.depth, "HEADS": model.heads}
    told |= {"HIDDEN": round(model.dim * model.mlp_ratio), "RESIDUAL": model.residual_factor}
    told |= {"DROPOUT": model.dropout, "ATTENTION_DROPOUT": model.attention_dropout}
    if isinstance(model, TransformerConfig):
        return [{"VOCABULARY": model.vocabulary, "LENGTH": model.sequence_length}, told]
    sizes = {"SIZE": model.image_size, "PATCH": model.patch_size, "CHANNELS": model.channels}
    sizes |= {"FRAMES": model.num_frames} if isinstance(model, TimesformerConfig) else {"TOKENS": model.num_tokens}
    return [sizes | {"PATCHES": model.num_patches, "CLASSES": model.num_classes}, told]


def _init_constants(config: RunConfig) -> list[Mapping[str, object]]:
    init = config.init
    groups = {PARTS[group]: float(getattr(init, f"{group}_scale")) for group in GROUPS}
    varied = len({init.scale(group) for group in GROUPS}) > 1
    base = init.variance_scale if varied else init.scale("embed")
    return [{"GAMMA": init.gamma, "VARIANCE_SCALE": base}, {"SCALE": groups}]
