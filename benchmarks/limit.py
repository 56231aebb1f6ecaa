"""How near a step comes to the processor's own speed: its GFLOP/s against torch.mm of the same shapes, on one thread.

The matrix products of a step, forward and backward, are listed from the model (`products`) and timed on their own; then
the step, and its parts by torch's profiler. Three sizes: vit-notes, classroom, and four times as wide.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.contenders import SIZES
from benchmarks.figures import Figure
from vit_lab.config import RunConfig
from vit_lab.init.build import build_model
from vit_lab.model_config import VitConfig
from vit_lab.models.loss import training_loss
from vit_lab.randomness import generator_for
from vit_lab.settings import configure
from vit_lab.training.optimisers import adamw

MODELS = SIZES | {"wide": {"patch_size": 7, "dim": 256, "depth": 4, "heads": 8, "mlp_ratio": 2.0}}
REPEATS = 15
PARTS = {  # of the profiler's names; the first that fits counts
    "matrix products": ("aten::mm", "aten::addmm"),
    "attention": ("bmm", "aten::exp2_", "softmax", "scaled_dot_product", "_Attend"),
    "LayerNorm": ("layer_norm",),
    "GELU": ("gelu",),
    "copies": ("copy_", "cat", "fill_", "clone"),
    "AdamW and clipping": ("adamw", "Optimizer", "linalg_vector_norm"),
}


def products(c: VitConfig, batch: int) -> list[tuple[int, int, int]]:
    """(m, k, n) of every matrix product of a step outside attention: for each layer one forward and two backward."""
    rows, hidden = batch * c.num_tokens, round(c.dim * c.mlp_ratio)
    layers = [(c.dim, 3 * c.dim), (c.dim, c.dim), (c.dim, hidden), (hidden, c.dim)] * c.depth
    found = [(rows, wide, narrow) for wide, narrow in layers]
    patches = c.patch_size**2 * c.channels
    all_three = [part for m, k, n in found for part in ((m, k, n), (m, n, k), (k, m, n))]
    embed = [
        (batch * c.num_patches, patches, c.dim),
        (patches, batch * c.num_patches, c.dim),
    ]  # images need no gradient
    head = [(batch, c.dim, c.num_classes), (batch, c.num_classes, c.dim), (c.dim, batch, c.num_classes)]
    return embed + all_three + head


def attention_flops(c: VitConfig, batch: int) -> float:
    """Of the products of queries, keys, weights and values, forward and backward: two and four of 2 N^2 D a block."""
    return 6 * 2.0 * batch * c.depth * c.num_tokens**2 * c.dim


def step_of(config: RunConfig) -> Callable[[], None]:
    """One training step on a batch that lies in memory."""
    model = build_model(config)
    [optimiser] = adamw(model, config.optim)
    images = torch.randn((config.optim.batch_size, 1, 28, 28), generator=generator_for(0, "benchmark"))
    labels = torch.arange(config.optim.batch_size) % 10

    def step() -> None:
        model.zero_grad()
        training_loss(model(images), labels, config.optim).backward()
        optimiser.step()

    return step


def seconds_in_turn(works: dict[str, Callable[[], None]], repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each, measured in turn."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 2):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            took[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds[2:]) for name, seconds in took.items()}


def shares(step: Callable[[], None]) -> dict[str, float]:
    """Which part of a step's time each kind of work takes, by the profiler; "rest" is all else, Python included."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(REPEATS):
            step()
    spent = dict.fromkeys([*PARTS, "rest"], 0.0)
    for event in profiled.key_averages():
        part = next((part for part, names in PARTS.items() if any(name in event.key for name in names)), "rest")
        spent[part] += event.self_cpu_time_total
    whole = sum(spent.values())
    return {part: round(time / whole, 3) for part, time in spent.items()}


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Three sizes."""
    torch.set_num_threads(1)
    figures, details = [], {}
    for name, dims in MODELS.items():
        config = configure(RunConfig(), **dims)
        assert isinstance(config.model, VitConfig)
        shapes = products(config.model, config.optim.batch_size)
        factors = [(torch.randn(m, k), torch.randn(k, n)) for m, k, n in shapes]
        flops = sum(2.0 * m * k * n for m, k, n in shapes)
        step = step_of(config)

        def multiply(factors: list[Any] = factors) -> None:
            for a, b in factors:
                torch.mm(a, b)

        took = seconds_in_turn({"step": step, "mm": multiply})
        whole = flops + attention_flops(config.model, config.optim.batch_size)
        reached, possible = whole / took["step"] / 1e9, flops / took["mm"] / 1e9
        parts = shares(step)
        details[name] = parts | {"step_ms": round(1e3 * took["step"], 2), "mm_ms": round(1e3 * took["mm"], 2)}
        note = ", ".join(f"{part} {share:.0%}" for part, share in sorted(parts.items(), key=lambda x: -x[1])[:4])
        figures.append(Figure(f"{name}: the step", reached, "GFLOP/s", note=note))
        note = f"the step reaches {reached / possible:.0%} of it"
        figures.append(Figure(f"{name}: its products by torch.mm", possible, "GFLOP/s", note=note))
    return figures, details
