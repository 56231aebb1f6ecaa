"""Space and time: who tells a clip from its reverse, and what joint attention costs against divided as frames grow."""

import statistics
from typing import Any

import torch
from torch import Tensor

from benchmarks.figures import Figure
from vit_lab.data.splits import load_run_data
from vit_lab.models.timesformer import TimeSformer
from vit_lab.presets import preset
from vit_lab.probes.space_time import both_ways
from vit_lab.settings import configure
from vit_lab.training.cost import joint_against_divided
from vit_lab.training.trainer import train

SEEDS = (0, 1, 2)
FRAMES = (2, 4, 8, 16, 32)
REPEATS = 7


def answers(model: TimeSformer, clips: Tensor, labels: Tensor) -> dict[str, float]:
    """Clips and the same clips backwards: accuracy over both, and how often both get the same answer.

    `way_accuracy` only asks for the way along the line that the digit is on, so that a coin scores 0.5.
    """
    logits = torch.cat(both_ways(model, clips))
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
    assert isinstance(training.model, TimeSformer)
    return answers(training.model.eval(), data.test.inputs, data.test.labels)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """All figures of this benchmark, on one thread."""
    torch.set_num_threads(1)
    costs = {f"step_with_{cost.pop('frames')}_frames": cost for cost in joint_against_divided(FRAMES, REPEATS)}
    ways = {f"{way}_seed_{seed}": reversal(way, seed) for seed in SEEDS for way in ("space", "divided")}
    figures = []
    for frames in FRAMES:
        ratio = costs[f"step_with_{frames}_frames"]["ratio"]
        figures.append(Figure(f"joint over divided, {frames} frames", ratio, "x", note="of the time of a step"))
    for way in ("space", "divided"):
        same = statistics.mean(ways[f"{way}_seed_{seed}"]["same_answer"] for seed in SEEDS)
        note = f"mean of {len(SEEDS)} seeds"
        figures.append(Figure(f"{way}: same answer for a clip and its reverse", same, "", note=note))
    return figures, costs | ways
