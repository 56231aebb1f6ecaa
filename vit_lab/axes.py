"""The axes of a map: what one of a model's properties may be, and the config that is so. Without torch.

| axis | settings | values |
| --- | --- | --- |
| queries-keys | qk_scale | 0.01 to 464, three steps in each factor of ten |
| values-mlp | vo_scale and mlp_scale, both alike | the same |
| all-weights | variance_scale | the same |
| depth | depth | 1 to 24 blocks |
| tokens | patch_size | as many patches as the images can be cut into, from 4 to 256 |

All are numbers above 0 and are drawn on a logarithmic axis. A map is of one base config, and each of its cells is
`up.at(across.at(base, x), y)`: an ordinary config, which can be looked at and trained as any other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vit_lab.config import RunConfig
from vit_lab.refusals import divisors
from vit_lab.settings import configure, flat

SCALES = tuple(float(f"{10 ** (third / 3):.3g}") for third in range(-6, 9))  # 1 is among them
DEPTHS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
FEWEST_PATCHES, MOST_PATCHES = 4, 256  # one token has nothing to choose from; of more, a cell takes seconds


@dataclass(frozen=True)
class Axis:
    """One property along which a map is laid out; `settings` are set together, to one value."""

    name: str  # as an address spells it
    words: str
    settings: tuple[str, ...]
    offered: tuple[float, ...]
    ticks: tuple[float, ...]  # where numbers stand
    moves_scores: bool  # whether the scores of the first block change along it

    def values(self, base: RunConfig) -> tuple[float, ...]:
        """What the property is from cell to cell, rising; nothing if the base's kind of model does not have it."""
        return self.offered if set(self.settings) <= flat(base).keys() else ()

    def settings_at(self, base: RunConfig, value: float) -> dict[str, Any]:
        """What gives the base this value."""
        return dict.fromkeys(self.settings, value)

    def at(self, base: RunConfig, value: float) -> RunConfig:
        """The base, but with this value."""
        return configure(base, **self.settings_at(base, value))

    def of(self, config: RunConfig) -> float | None:
        """Where a config lies: the inverse of `at`. None where its settings differ, which no value gives."""
        found = {float(flat(config)[setting]) for setting in self.settings}
        return found.pop() if len(found) == 1 else None


class Patches(Axis):
    """How many patches an image, or a frame, is cut into; the setting is how large they are."""

    def values(self, base: RunConfig) -> tuple[float, ...]:
        """Rising, and so from large patches to small ones."""
        size = flat(base).get("image_size", 1)
        counts = [(size // patch) ** 2 for patch in reversed(divisors(size))]
        return tuple(float(count) for count in counts if FEWEST_PATCHES <= count <= MOST_PATCHES)

    def settings_at(self, base: RunConfig, value: float) -> dict[str, Any]:
        """Patches of such a size that there are so many."""
        return {"patch_size": flat(base)["image_size"] // math.isqrt(round(value))}

    def of(self, config: RunConfig) -> float | None:
        """The number of patches."""
        settings = flat(config)
        return float((settings["image_size"] // settings["patch_size"]) ** 2)


POWERS = (0.01, 0.1, 1.0, 10.0, 100.0)
ALL_AXES = (
    Axis("queries-keys", "variance of queries and keys ×", ("qk_scale",), SCALES, POWERS, True),
    Axis("values-mlp", "variance of values, output, MLP ×", ("vo_scale", "mlp_scale"), SCALES, POWERS, False),
    Axis("all-weights", "variance of everything ×", ("variance_scale",), SCALES, POWERS, True),
    Axis("depth", "depth: blocks", ("depth",), DEPTHS, (1.0, 2.0, 4.0, 8.0, 16.0), False),
    Patches("tokens", "tokens: patches of an image", ("patch_size",), (), (4.0, 16.0, 64.0, 256.0), True),
)
AXES = {axis.name: axis for axis in ALL_AXES}


@dataclass(frozen=True)
class Grid:
    """A map of one base config, laid out along two axes. Equal grids have equal cells.

    The base stands at the first value of either axis, so it does not matter where it lay on them. A coarse map has
    only every third value.
    """

    base: RunConfig
    across: str
    up: str
    is_coarse: bool = False

    @classmethod
    def around(cls, config: RunConfig, across: str, up: str, *, is_coarse: bool = False) -> "Grid":
        """The map that a config lies on, or beside. The two axes differ, and are among `axes_for(config)`."""
        for axis in (AXES[across], AXES[up]):
            config = axis.at(config, axis.values(config)[0])
        return cls(config, across, up, is_coarse)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Across and up."""
        return AXES[self.across], AXES[self.up]

    @property
    def values(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Where columns and rows of cells are."""
        across, up = (axis.values(self.base)[:: 3 if self.is_coarse else 1] for axis in self.axes)
        return across, up

    @property
    def places(self) -> list[tuple[float, float]]:
        """Where the cells are, row by row from the lowest: (across, up)."""
        columns, rows = self.values
        return [(x, y) for y in rows for x in columns]

    @property
    def configs(self) -> list[RunConfig]:
        """The cells' configs, in the order of `places`."""
        across, up = self.axes
        columns = {x: across.at(self.base, x) for x in self.values[0]}
        return [up.at(columns[x], y) for x, y in self.places]

    def place_of(self, config: RunConfig) -> tuple[float, float] | None:
        """Where a config lies, between cells too; None if it differs from the base in more than the two axes."""
        across, up = self.axes
        x, y = across.of(config), up.of(config)
        if x is None or y is None or up.at(across.at(self.base, x), y) != config:
            return None
        return x, y


def axes_for(base: RunConfig) -> Sequence[Axis]:
    """The axes along which a config can be moved, and is not always the same."""
    return [axis for axis in ALL_AXES if len(axis.values(base)) > 1]
