"""What each speed trick gains by itself: with and without it in turn, on presets as shipped or on the class benchmark.

A trick that does not gain 5 % goes, and the code reads as in the paper again; what has gone from a step is put back
here to be measured. See docs/decisions/030-a-trick-pays-or-goes.md.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.class_in_turn import with_and_without
from benchmarks.figures import Figure
from benchmarks.server_without import TRICKS
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import is_available
from vit_lab.events import Stepped
from vit_lab.models import attention
from vit_lab.models.attention import Attention, attention_weights, dropout
from vit_lab.models.blocks import EncoderBlock
from vit_lab.presets import PRESETS, preset
from vit_lab.settings import configure
from vit_lab.training.trainer import Training, train

PAYS = 1.05
ROUNDS, TURN_STEPS, WARM_UP = 16, 5, 2  # in training; turns of so many steps
CLASS_ROUNDS = 9
LONG = 20_000  # steps of a run, so that after most of them nothing is measured

Patch = Callable[[], AbstractContextManager[Any]]


class Trick(NamedTuple):
    """A way to make a step faster; one of `put_in` and `take_out` changes nothing, as the lab has it or has it not."""

    name: str
    presets: tuple[str, ...]  # that it concerns
    put_in: Patch = nullcontext
    take_out: Patch = nullcontext


def formula(
    self: Attention, x: Tensor, generator: torch.Generator | None = None, *_: Any, **others: Any
) -> Tensor:  # (B, N, D)
    """Self-attention as the paper has it (Vaswani et al. 2017, Eq. 1)."""
    q, k, v = self.project(x, others.get("memory"))
    weights = dropout(attention_weights(q, k, others.get("mask")), self.dropout, generator)
    return self.out((weights @ v).transpose(1, 2).flatten(2))


def bias_in_place(self: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer that adds its bias to the product, where torch's writes it into the result before."""
    product = F.linear(x, self.weight)
    return product if self.bias is None else product.add_(self.bias)


def sums_in_place(self: EncoderBlock, x: Tensor, generator: torch.Generator | None = None, *_: Any) -> Tensor:
    """An encoder block that adds its input to what its sublayers return, in place."""
    x = dropout(self.attention(self.norm_attention(x), generator), self.dropout, generator).add_(x)
    return dropout(self.mlp(self.norm_mlp(x)), self.dropout, generator).add_(x)


def replaced(owner: Any, **others: Any) -> Patch:
    """What `owner` has under these names is another while the block lasts."""
    return partial(patch.multiple, owner, **others)


NARROW = ("vit-notes", "moving-digits")  # heads of 4 and 12 features
FEW_TOKENS = ("classroom", "accurate", "speedrun", "copy")  # 16 or 10, and heads of 16 features
TRICKS_OF_A_STEP = (
    Trick("own attention, not the formula", NARROW, take_out=replaced(Attention, forward=formula)),
    Trick("own attention, not torch's", NARROW[1:], take_out=replaced(attention, FUSED_FROM=0, FUSED_TOKENS=0)),
    Trick("the formula for few tokens", FEW_TOKENS, take_out=replaced(attention, FUSED_TOKENS=0)),
    Trick("bias in place", tuple(PRESETS), put_in=replaced(nn.Linear, forward=bias_in_place)),
    Trick("residual sums in place", tuple(PRESETS), put_in=replaced(EncoderBlock, forward=sums_in_place)),
)


def quiet_steps(training: Training) -> Iterator[float]:
    """Seconds of each step of a run between which nothing is measured."""
    last: Any = None
    while True:
        started = time.perf_counter()
        event = next(training)
        seconds = time.perf_counter() - started
        if isinstance(event, Stepped) and isinstance(last, Stepped):
            yield seconds
        last = event


def step_ratios(trick: Trick, name: str) -> list[float]:
    """Seconds of a step without it over seconds of one with it, round by round.

    Two runs of one preset and seed take turns of a few steps in this process, so both see the same batches.
    """
    config = configure(preset(name), steps=LONG, epochs=None)
    data = load_run_data(config)
    runs = [(way, quiet_steps(train(config, data))) for way in (trick.put_in, trick.take_out)]
    ratios = []
    for turn in range(WARM_UP + ROUNDS):
        took = {}
        for way, steps in runs[:: 1 if turn % 2 else -1]:
            with way():
                took[way] = statistics.median(next(steps) for _ in range(TURN_STEPS))
        ratios.append(took[trick.take_out] / took[trick.put_in])
    return ratios[WARM_UP:]


def figure(what: str, ratios: list[float], goal: float | None = PAYS) -> Figure:
    """The median of the rounds, with the quartiles between which half of them lie."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Figure(what, middle, "x", goal, note=f"half of {len(ratios)} rounds from {low:.3f} to {high:.3f}")


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """How many times slower each thing is without each trick. What has gone misses its goal, as it should."""
    torch.set_num_threads(1)
    figures = []
    for trick in TRICKS_OF_A_STEP:
        for name in trick.presets:
            if is_available(preset(name).data.dataset):
                figures.append(figure(f"{trick.name}: a step of {name}", step_ratios(trick, name)))
    by_trick: Mapping[str, list[dict[str, float]]] = with_and_without(TRICKS, CLASS_ROUNDS)
    for name, rounds in by_trick.items():
        figures += [figure(f"{name}: {what}", [one[what] for one in rounds]) for what in rounds[0]]
    return figures, {"class": by_trick}
