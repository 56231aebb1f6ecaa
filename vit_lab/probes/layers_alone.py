"""Linear layers by themselves, without a norm or a residual path: what the variance of the weights does to a signal.

n fan_in, m fan_out, S inputs. If inputs have variance 1 and weights sigma^2, each output is a sum of n products and has
variance n sigma^2 (Glorot & Bengio 2010, Sec. 4.2.1; He et al. 2015, Sec. 2.2).
"""

import torch
from torch import Tensor

from vit_lab.config import InitConfig
from vit_lab.init import drawn
from vit_lab.probes.signal import rms
from vit_lab.randomness import generator_for

INPUTS = 512


def one_layer(init: InitConfig, fan_in: int, fan_out: int, seed: int) -> Tensor:
    """The weights of one layer, as a matrix of the MLP would get them; (m, n). Schemes share the draw of a seed."""
    return drawn(init, "mlp", torch.Size((fan_out, fan_in)), seed, "one layer")


def output_variance(weights: Tensor, seed: int) -> float:
    """The variance of what a layer puts out for standard normal inputs: n sigma^2, but for chance."""
    inputs = torch.randn((INPUTS, weights.shape[1]), dtype=weights.dtype, generator=generator_for(seed, "inputs"))
    return float((inputs @ weights.T).square().mean())


def stack_rms(init: InitConfig, width: int, depth: int, seed: int) -> list[float]:
    """Activation RMS before the first of `depth` square layers and after each; the square of entry L is about (n sigma^2)^L."""
    x = torch.randn((INPUTS, width), dtype=torch.float64, generator=generator_for(seed, "inputs"))
    found = [float(rms(x))]
    for layer in range(depth):
        x = x @ drawn(init, "mlp", torch.Size((width, width)), seed, f"plain layer {layer}").T
        found.append(float(rms(x)))
    return found
