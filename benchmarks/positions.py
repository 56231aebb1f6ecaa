"""Shuffled patches: how much a ViT still recognises, with sinusoidal positions, with learned ones and without any."""

from dataclasses import asdict
from typing import Any, get_args

import torch

from benchmarks.figures import Figure
from vit_lab.analysis.statistics import accuracy_error, paired_test, summarise
from vit_lab.data.splits import load_run_data
from vit_lab.model_config import VitConfig
from vit_lab.models.vit import VisionTransformer
from vit_lab.settings import configure
from vit_lab.training.shuffled import ORDERS, Order, shuffled_accuracies
from vit_lab.training.trainer import train

SEEDS = (0, 1, 2)
POSITIONS: tuple[str, ...] = get_args(VitConfig.model_fields["position"].annotation)


def trained_and_shuffled(position: str, seed: int) -> dict[Order, float]:
    """Train the classroom preset with these positions; its accuracy on the test images in each order of patches."""
    config = configure(position=position, seed=seed)
    data = load_run_data(config)
    training = train(config, data)
    for _ in training:
        pass
    assert isinstance(training.model, VisionTransformer)
    return shuffled_accuracies(training.model, data.test, seed)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Mean accuracy by positions and order; by seed, and what shuffling costs in paired differences, in the details."""
    torch.set_num_threads(1)
    images = len(load_run_data(configure()).test)
    shown: list[Figure] = []
    details: dict[str, Any] = {"test_images": images, "seeds": len(SEEDS)}
    results = {position: [trained_and_shuffled(position, seed) for seed in SEEDS] for position in POSITIONS}
    for position, found in results.items():
        for order in ORDERS:
            values = [one[order] for one in found]
            summary = summarise(values)
            assert summary.mean is not None
            error = accuracy_error(summary.mean, images)
            shown.append(
                Figure(f"{position}, {order}", summary.mean, "", note=f"mean test accuracy of {len(SEEDS)} seeds")
            )
            details[f"{position}, {order}"] = {"values": values, "binomial_error": error} | asdict(summary)
            if order != ORDERS[0]:
                lost = paired_test([one[order] - one[ORDERS[0]] for one in found])
                details[f"{position}, {order}, difference"] = asdict(lost)
        if position != "none":
            gained = [one[ORDERS[0]] - other[ORDERS[0]] for one, other in zip(found, results["none"], strict=True)]
            details[f"{position} against none, {ORDERS[0]}"] = asdict(paired_test(gained))
    return shown, details
