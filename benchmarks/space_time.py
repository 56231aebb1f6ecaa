"""Space and time: who tells a clip from its reverse, and what joint attention costs against divided as frames grow."""

import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn

from vit_lab.config import TimesformerConfig, configure
from vit_lab.data.clips import DIRECTIONS
from vit_lab.data.splits import load_run_data
from vit_lab.init import build_model
from vit_lab.presets import preset
from vit_lab.randomness import generator_for
from vit_lab.training.trainer import train

SEEDS = (0, 1, 2)
FRAMES = (2, 4, 8, 16, 32)
PATCH_SIZE, BATCH, REPEATS = 4, 4, 7  # 49 patches a frame


@torch.inference_mode()
def both_ways(model: nn.Module, clips: Tensor, labels: Tensor) -> dict[str, float]:
    """Clips and the same clips backwards: accuracy over both, and how often both get the same answer.

    `way_accuracy` only asks for the way along the line that the digit is on, so that a coin scores 0.5.
    """
    logits = torch.cat([model(part) for way in (clips, clips.flip(1)) for part in way.split(100)])
    truth = torch.cat([labels, labels ^ 1])  # the opposite of 0 is 1, and of 2 is 3
    rows = torch.arange(len(truth))
    here, there = logits.argmax(dim=1).chunk(2)
    return {
        "accuracy": float((logits.argmax(dim=1) == truth).float().mean()),
        "way_accuracy": float((logits[rows, truth] > logits[rows, truth ^ 1]).float().mean()),
        "same_answer": float((here == there).float().mean()),
    }


def reversal(space_time: str, seed: int) -> dict[str, float]:
    """Train the preset with one kind of attention and look at its test clips forwards and backwards."""
    config = configure(preset("moving-digits"), space_time=space_time, seed=seed)
    data = load_run_data(config)
    training = train(config, data)
    for _ in training:
        pass
    return both_ways(training.model.eval(), data.test.images, data.test.labels)


def products_ratio(c: TimesformerConfig) -> float:
    """Multiplications a token in the blocks, joint over divided: projections and MLP, and 2 D a token that is read."""
    patches, mlp = c.num_patches, 2 * c.mlp_ratio * c.dim
    joint = 4 * c.dim + mlp + 2 * c.num_frames * patches
    divided = (4 + 4 + 1) * c.dim + mlp + 2 * (c.num_frames + patches)
    return joint / divided


def step_costs(frames: int) -> dict[str, float]:
    """Median milliseconds of one step, forward and backward, of joint and divided attention, measured in turn."""
    models = {}
    for way in ("joint", "divided"):
        config = configure(preset("moving-digits"), space_time=way, num_frames=frames, patch_size=PATCH_SIZE)
        models[way] = build_model(config)
    assert isinstance(config.model, TimesformerConfig)
    clips = torch.randn((BATCH, frames, 1, 28, 28), generator=generator_for(0, "benchmark"))
    labels = torch.arange(BATCH) % len(DIRECTIONS)
    seconds: dict[str, list[float]] = {way: [] for way in models}
    for _ in range(REPEATS + 1):
        for way, model in models.items():
            started = time.perf_counter()
            nn.functional.cross_entropy(model(clips), labels).backward()
            seconds[way].append(time.perf_counter() - started)
    joint, divided = (1e3 * statistics.median(seconds[way][1:]) for way in models)
    patches = config.model.num_patches
    return {
        "joint_ms": round(joint, 2),
        "divided_ms": round(divided, 2),
        "ratio": round(joint / divided, 3),
        "products_ratio": round(products_ratio(config.model), 3),
        "scores_ratio": round(frames * patches / (frames + patches), 3),
    }


def measure() -> dict[str, Any]:
    """All figures of this benchmark, on one thread."""
    torch.set_num_threads(1)
    costs = {f"step_with_{frames}_frames": step_costs(frames) for frames in FRAMES}
    ways = {f"{way}_seed_{seed}": reversal(way, seed) for seed in SEEDS for way in ("space", "divided")}
    return costs | ways
