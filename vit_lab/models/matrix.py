"""A weight matrix as init schemes and probes see it: with its place in the model, and q, k and v told apart."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_lab.config import GroupName
from vit_lab.places import Place


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix:
    """One weight matrix: some `rows` of a parameter, or all of it, and the same rows of the bias if there is one.

    A table of symbols is `transposed`: it counts as a layer that reads one-hot vectors. `num_heads` heads share the
    rows of q, k and v and the columns of the matrix after attention, evenly and side by side; any other matrix has one.
    """

    place: Place
    parameter: Tensor
    bias_parameter: Tensor | None = None
    rows: slice | None = None
    transposed: bool = False
    num_heads: int = 1
    alone: str | None = None  # the name of a matrix that stands in no model

    @property
    def name(self) -> str:
        """What its draw is named after: the path of its module, as if q, k and v had modules of their own.

        Every run of a seed starts from these names; another name is another draw.
        """
        place = self.place
        if self.alone is not None:
            return self.alone
        if place.block is None:
            return str(place.projection)
        part = () if place.projection == "project" else (str(place.part),)
        return ".".join((place.stack or "blocks", str(place.block - 1), *part, str(place.projection)))

    @property
    def group(self) -> GroupName:
        """What the settings of the init scale it with."""
        assert self.place.group is not None
        return self.place.group

    @property
    def weight(self) -> Tensor:
        """A live view of the weights, (fan_out, fan_in)."""
        return self._of(self.parameter)

    @property
    def gradient(self) -> Tensor:
        """The gradient of the weights after a backward pass; 0 where none came."""
        gradient = self.parameter.grad
        return self._of(torch.zeros_like(self.parameter) if gradient is None else gradient)

    @property
    def bias(self) -> Tensor | None:
        """A live view of the biases, (fan_out,)."""
        return None if self.bias_parameter is None else self._rows_of(self.bias_parameter)

    @property
    def fans(self) -> tuple[int, int]:
        """(fan_in, fan_out)"""
        return self.weight.shape[1], self.weight.shape[0]

    def _of(self, parameter: Tensor) -> Tensor:
        return parameter.T if self.transposed else self._rows_of(parameter)

    def _rows_of(self, tensor: Tensor) -> Tensor:
        return tensor if self.rows is None else tensor[self.rows]
