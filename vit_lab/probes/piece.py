"""A piece of a model as numbers, without torch: a page that draws it need not load that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A module of a model: the shape of what left it, the batch dimension left out, and its parameters."""

    shape: tuple[int, ...]
    parameters: int
