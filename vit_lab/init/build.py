"""Init schemes by the quantile construction: one uniform draw per parameter, mapped through each scheme.

Every matrix has its own generator, seeded from (run seed, its name). It draws uniforms u; a scheme maps
them through its inverse CDF and scales them. Two arms of a pair therefore hold monotone maps of the same
draw, and a change of depth moves no other block's weights.

Schemes touch the weight matrices, each as one of a group: `embed` (patches or symbols), `qk` and `vo` of every
attention, `mlp`, `head`. The projection after attention over time belongs to `vo`, unless the config has it start at 0.
Everything else starts alike in every arm: biases at 0, LayerNorm gains at 1, class token and learned positions from a normal of std 0.02 truncated at two std.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_lab.config import GroupName, InitConfig, RunConfig, TimesformerConfig, TransformerConfig
from vit_lab.models.attention import Attention
from vit_lab.models.blocks import FeedForward
from vit_lab.models.timesformer import DividedBlock, TimeSformer
from vit_lab.models.transformer import Transformer
from vit_lab.models.vit import VisionTransformer
from vit_lab.randomness import generator_for
from vit_lab.schemes import CDF_AT_2, SCHEMES, Distribution, variance_before_truncation

STACKS = {"blocks": "", "encoder": "enc ", "decoder": "dec "}  # a stack of blocks in a model, and how layers say it
Model = VisionTransformer | TimeSformer | Transformer


@dataclass(frozen=True)
class Matrix:
    """One weight matrix as a scheme sees it: q, k and v count separately though they share a tensor.

    `weight` is a live view of the parameter, (fan_out, fan_in); a table of symbols counts as a layer that reads one-hot
    vectors. `zero` means that it starts at 0 whatever the scheme.
    """

    name: str
    group: GroupName
    weight: Tensor
    zero: bool = False

    @property
    def layer(self) -> str:
        """Its group within its block, blocks counted from 1: "2.qk"; outside the blocks, its group: "embed".

        Encoder and decoder count apart, "enc 1.qk" and "dec 1.qk"; an attention that is not over the block's own tokens
        in space is named too, "dec 1 cross.qk" and "2 time.vo".
        """
        path = self.name.split(".")
        if path[0] not in STACKS:
            return self.group
        part = {"cross": " cross", "time": " time", "project": " time"}.get(path[2], "")
        return f"{STACKS[path[0]]}{int(path[1]) + 1}{part}.{self.group}"

    @property
    def fans(self) -> tuple[int, int]:
        """(fan_in, fan_out)"""
        return self.weight.shape[1], self.weight.shape[0]


def matrices(model: nn.Module) -> list[Matrix]:
    """Every weight matrix of the model, in the order in which data meets it."""
    return _matrices(model, lambda weight: weight)


def gradients(model: nn.Module) -> list[Matrix]:
    """The gradient of every weight matrix after a backward pass, in its weight's place."""
    return _matrices(model, lambda weight: torch.zeros_like(weight) if weight.grad is None else weight.grad)


def _matrices(model: nn.Module, of: Callable[[Tensor], Tensor]) -> list[Matrix]:
    found: list[Matrix] = []
    for path, module in model.named_modules():
        if isinstance(module, DividedBlock):  # it begins with attention over time
            found += _of_attention(f"{path}.time", module.time, of)
            found += [Matrix(f"{path}.project", "vo", of(module.project.weight), module.starts_at_zero)]
        elif isinstance(module, Attention) and not path.endswith(".time"):
            found += _of_attention(path, module, of)
        elif isinstance(module, FeedForward):
            found += [
                Matrix(f"{path}.up", "mlp", of(module.up.weight)),
                Matrix(f"{path}.down", "mlp", of(module.down.weight)),
            ]
        elif isinstance(module, nn.Embedding):
            found += [Matrix(path, "embed", of(module.weight).T)]
        elif path == "embed" and isinstance(module, nn.Linear):
            found += [Matrix(path, "embed", of(module.weight))]
        elif path == "head" and isinstance(module, nn.Linear):
            found += [Matrix(path, "head", of(module.weight))]
    return found


def _of_attention(path: str, attention: Attention, of: Callable[[Tensor], Tensor]) -> list[Matrix]:
    q, k, v = of(attention.qkv.weight).chunk(3)
    out = of(attention.out.weight)
    return [Matrix(f"{path}.q", "qk", q), Matrix(f"{path}.k", "qk", k), Matrix(f"{path}.v", "vo", v),
            Matrix(f"{path}.out", "vo", out)]  # fmt: skip


def uniforms(shape: torch.Size, seed: int, name: str) -> Tensor:
    """The draw behind a parameter: float64 in the open interval (0, 1), the same whatever the scheme."""
    u = torch.rand(shape, dtype=torch.float64, generator=generator_for(seed, "init", name))
    return u.clamp_(min=2.0**-54)


def quantile(u: Tensor, distribution: Distribution) -> Tensor:
    """Inverse CDF, for a sigma (before truncation) of 1: the value below which a share u of the distribution lies."""
    if distribution == "uniform":
        return (2 * u - 1) * math.sqrt(3)
    if distribution == "truncated":
        u = (1 - CDF_AT_2) + u * (2 * CDF_AT_2 - 1)
    return torch.special.ndtri(u)


def drawn(init: InitConfig, group: GroupName, shape: torch.Size, seed: int, name: str) -> Tensor:
    """The weights that a scheme gives a matrix: quantiles of its draw times sigma. -> (fan_out, fan_in), float64."""
    fan_out, fan_in = shape
    sigma = math.sqrt(variance_before_truncation(init, group, fan_in, fan_out))
    return sigma * quantile(uniforms(shape, seed, name), SCHEMES[init.scheme].distribution)


@torch.no_grad()
def initialise(model: nn.Module, init: InitConfig, seed: int) -> None:
    """Give every parameter of a built model its start."""
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif name in ("class_token", "position", "time_position"):
            parameter.copy_(0.02 * quantile(uniforms(parameter.shape, seed, name), "truncated"))
    for matrix in matrices(model):
        if matrix.zero:
            matrix.weight.zero_()
        else:
            matrix.weight.copy_(drawn(init, matrix.group, matrix.weight.shape, seed, matrix.name))


def build_model(config: RunConfig) -> Model:
    """The model of a run at step 0, on the CPU."""
    if isinstance(config.model, TransformerConfig):
        model: Model = Transformer(config.model)
    elif isinstance(config.model, TimesformerConfig):
        model = TimeSformer(config.model)
    else:
        model = VisionTransformer(config.model)
    initialise(model, config.init, config.seed)
    return model
