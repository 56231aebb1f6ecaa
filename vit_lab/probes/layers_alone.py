"""Linear layers by themselves, without a norm or a residual path: what the variance of the weights does to a signal.

n fan_in, m fan_out, S inputs. If inputs have variance 1 and weights sigma^2, each output is a sum of n products and has
variance n sigma^2 (Glorot & Bengio 2010, Sec. 4.2.1; He et al. 2015, Sec. 2.2).
"""

import torch
from torch import Tensor

from vit_lab.config import InitConfig
from vit_lab.init.given import Given
from vit_lab.init.schemes import ALONE, SCHEMES
from vit_lab.models.matrix import Matrix
from vit_lab.probes.signal import rms
from vit_lab.randomness import generator_for

INPUTS = 512


def one_layer(init: InitConfig, fan_in: int, fan_out: int, seed: int) -> Tensor:
    """The weights of one layer, as a matrix of the MLP would get them; (m, n). Schemes share the draw of a seed."""
    return _drawn(init, fan_in, fan_out, seed, "one layer")


def output_variance(weights: Tensor, seed: int) -> float:
    """The variance of what a layer puts out for standard normal inputs: n sigma^2, but for chance."""
    inputs = torch.randn((INPUTS, weights.shape[1]), dtype=weights.dtype, generator=generator_for(seed, "inputs"))
    return float((inputs @ weights.T).square().mean())


def stack_rms(init: InitConfig, width: int, depth: int, seed: int) -> list[float]:
    """Activation RMS before the first of `depth` square layers and after each.

    The square of entry L is about (n sigma^2)^L.
    """
    x = torch.randn((INPUTS, width), dtype=torch.float64, generator=generator_for(seed, "inputs"))
    found = [float(rms(x))]
    for layer in range(depth):
        x = x @ _drawn(init, width, width, seed, f"plain layer {layer}").T
        found.append(float(rms(x)))
    return found


def _drawn(init: InitConfig, fan_in: int, fan_out: int, seed: int, name: str) -> Tensor:
    """The weights that a scheme gives a matrix which stands alone: (fan_out, fan_in), float64."""
    matrix = Matrix(place=ALONE, parameter=torch.empty(fan_out, fan_in), alone=name)
    [(_, weights)] = SCHEMES[init.scheme].draw(Given(matrices=[matrix], init=init, seed=seed))
    return weights
