"""How long a run will take, from a few steps of it; and what a step costs with one kind of attention and another."""

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.init.build import build_model
from vit_lab.model_config import TimesformerConfig
from vit_lab.models.scores import attention_scores, macs_per_token
from vit_lab.presets import preset
from vit_lab.randomness import generator_for
from vit_lab.settings import configure
from vit_lab.training.cadence import EVALUATIONS, PROBE_IMAGES
from vit_lab.training.device import chosen as chosen_device
from vit_lab.training.evaluate import evaluate
from vit_lab.training.trainer import train

WARM_UP, MEASURED = 9, 6  # steps; none of those measured is probed


def estimate_seconds(config: RunConfig) -> float:
    """Seconds of one run on the chosen device, or one core as busy as now: its steps, its evaluations and the test.

    Raises ConfigError if the device is not here, or DatasetError.
    """
    data = load_run_data(config)
    total = config.optim.total_steps(len(data.train))
    alone = config.model_copy(update={"fork": None})  # whose steps cost as much
    quiet = configure(alone, steps=100_000)  # measures itself too seldom to disturb
    training = train(quiet, data, chosen_device())
    steps = (event for event in training if isinstance(event, Stepped))
    list(islice(steps, WARM_UP))
    _wait_for(training.model)
    start = time.perf_counter()
    list(islice(steps, MEASURED))
    _wait_for(training.model)
    step_seconds = (time.perf_counter() - start) / MEASURED
    start = time.perf_counter()
    looked_at = training.data.validation if len(data.validation) else training.data.probed(PROBE_IMAGES)
    evaluate(training.model, looked_at)
    seconds_each = (time.perf_counter() - start) / len(looked_at)
    evaluated = (min(EVALUATIONS, total) + 1) * len(data.validation) + 2 * len(data.test)
    return total * step_seconds + evaluated * seconds_each


def _wait_for(model: nn.Module) -> None:
    """An accelerator is behind with what it was asked for; a number of the latest weights is there when it is done."""
    next(model.parameters()).sum().item()


PATCH_SIZE, CLIPS = 4, 4  # of the comparison of joint and divided attention: 49 patches a frame


def step_milliseconds(configs: Sequence[RunConfig], repeats: int) -> list[float]:
    """Median time of one step, forward and backward over a few random clips, of each config, measured in turn."""
    inputs = [_random_clips(config) for config in configs]
    models = [build_model(config, clips) for config, clips in zip(configs, inputs, strict=True)]
    seconds: list[list[float]] = [[] for _ in models]
    for _ in range(repeats + 1):
        for found, model, clips in zip(seconds, models, inputs, strict=True):
            labels = torch.arange(CLIPS) % model.config.num_classes
            start = time.perf_counter()
            nn.functional.cross_entropy(model(clips), labels).backward()
            found.append(time.perf_counter() - start)
    return [1e3 * statistics.median(found[1:]) for found in seconds]  # the first also fills caches


def _random_clips(config: RunConfig) -> Tensor:
    c = config.model
    assert isinstance(c, TimesformerConfig)
    shape = (CLIPS, c.num_frames, c.channels, c.image_size, c.image_size)
    return torch.randn(shape, generator=generator_for(0, "cost"))


def joint_against_divided(
    frames: Iterable[int], repeats: int, most_seconds: float = float("inf")
) -> Iterator[dict[str, Any]]:
    """Cost of a step with joint and with divided attention by number of frames, beside what counting says.

    Of the preset `moving-digits` with 4-pixel patches. Nothing more is begun after `most_seconds`.
    """
    started = time.perf_counter()
    for count in frames:
        if time.perf_counter() - started > most_seconds:
            return
        joint, divided = (
            configure(preset("moving-digits"), space_time=way, num_frames=count, patch_size=PATCH_SIZE)
            for way in ("joint", "divided")
        )
        assert isinstance(joint.model, TimesformerConfig) and isinstance(divided.model, TimesformerConfig)
        joint_ms, divided_ms = step_milliseconds([joint, divided], repeats)
        patches = joint.model.num_patches
        yield {
            "frames": count,
            "joint_ms": round(joint_ms, 2),
            "divided_ms": round(divided_ms, 2),
            "ratio": round(joint_ms / divided_ms, 3),
            "macs_ratio": round(macs_per_token(joint.model) / macs_per_token(divided.model), 3),
            "scores_ratio": round(
                attention_scores("joint", count, patches) / attention_scores("divided", count, patches), 3
            ),
        }
