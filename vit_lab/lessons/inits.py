"""What the lesson on weight initialisation shows: one layer, a signal on its way through ten, and attention."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vit_lab.config import InitConfig, RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.init.build import build_model
from vit_lab.init.quantiles import uniforms
from vit_lab.lessons.seen import Array, Drawn
from vit_lab.places import Place
from vit_lab.probes.layers_alone import one_layer, output_variance, stack_rms
from vit_lab.probes.saturation import by_qk_scale
from vit_lab.probes.signal import rms
from vit_lab.probes.trace import trace

IMAGES = 32


def layer(
    inits: Sequence[InitConfig], fan_in: int, fan_out: int, seed: int, bars: int, pairs: int
) -> tuple[NDArray[np.float64], list[Drawn], Array]:
    """One layer under some inits: edges of the bars of all histograms, what each draws, and the draws of its first."""
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    weights = [one_layer(init, fan_in, fan_out, seed) for init in inits]
    largest = max(float(w.abs().max()) for w in weights)
    edges = np.linspace(-largest, largest, bars + 1)
    drawn = [
        Drawn(
            np.histogram(w.numpy(), edges)[0],
            float(w.var(correction=0)),
            output_variance(w, seed),
            w.flatten()[:pairs].numpy().copy(),
        )
        for w in weights
    ]
    return edges, drawn, uniforms(weights[0].shape, seed, "one layer").flatten()[:pairs].numpy().copy()


def through_depth(configs: Sequence[RunConfig]) -> list[tuple[list[float], list[float]]]:
    """The size of a signal after each layer of a plain stack, and after each block of a model as wide and deep."""
    torch.set_num_threads(1)
    digits, found = _digits(), []
    for config in configs:
        plain = stack_rms(config.init, config.model.dim, config.model.depth, config.seed)
        found.append((plain, [float(rms(x)) for x in trace(build_model(config, digits), digits).tokens]))
    return found


def attention(config: RunConfig, scales: Sequence[float]) -> list[tuple[float, str, Place, float]]:
    """(scale, measure, place, value) of attention at step 0, queries and keys having so many times the variance.

    See `vit_lab.probes.saturation.by_qk_scale`.
    """
    torch.set_num_threads(1)
    return list(by_qk_scale(config, _digits(), tuple(scales)))


@lru_cache(1)
def _digits() -> Tensor:
    return load_run_data(RunConfig()).validation.inputs[:IMAGES]
