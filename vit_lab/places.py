"""Where in a model something stands: a weight matrix, a head, the tokens between two blocks. The one spelling of it.

| place | in files | for people |
| --- | --- | --- |
| a group of matrices in all blocks together | `qk` | queries, keys |
| a layer: a group in one block | `2.qk`, `2 time.vo`, `dec 1 cross.qk` | block 2: queries, keys |
| a matrix of a layer | `2.qk.q` | block 2: queries, keys (q) |
| a head, counted from 0 | `2/0` | block 2, head 1 |
| the tokens at a depth: 0 is before the first block | `0`, `1` | start, after block 1 |

Blocks count from 1. Those of an encoder and a decoder count apart. No tensors here, so a page can name a place before
torch is loaded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from vit_lab.config import GROUPS, GroupName

Stack = Literal["encoder", "decoder"]
Part = Literal["attention", "cross", "time", "mlp"]
Projection = Literal["q", "k", "v", "out", "project", "up", "down", "embed", "source_embed", "target_embed", "head"]

GROUP_NAMES: dict[GroupName, str] = {
    "embed": "embedding",
    "qk": "queries, keys",
    "vo": "values, output",
    "mlp": "MLP",
    "head": "classifier",
}
OUTSIDE: tuple[GroupName, ...] = ("embed", "head")  # groups that no block has: each is one layer
STACKS: dict[Stack, str] = {"encoder": "enc ", "decoder": "dec "}
SPELLED = re.compile(r"(?:(enc|dec) )?(\d+)(?: (cross|time))?(?:\.(\w+)(?:\.(\w+))?|/(\d+))?|(\w+)(?:\.(\w+))?")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in a model; what does not apply is None. `str` spells it for files, `words` for people.

    `part` is what a block is made of: attention among its own tokens, attention to the encoder (cross), attention over
    time, the MLP. `group` is what settings scale together, `projection` one matrix of it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")  # of one that is read from its fields

    stack: Stack | None = None
    block: int | None = None
    part: Part | None = None
    group: GroupName | None = None
    projection: Projection | None = None
    head: int | None = None
    depth: int | None = None

    def of_block(self, number: int) -> Self:
        """A block of this stack, counted from 1."""
        return replace(self, block=number)

    def within(self, part: Part) -> Self:
        """A part of this block."""
        return replace(self, part=part)

    def matrix(self, group: GroupName, projection: Projection) -> Self:
        """A matrix of this part."""
        return replace(self, group=group, projection=projection)

    def of_head(self, number: int) -> Self:
        """A head of this attention, counted from 0."""
        return replace(self, head=number)

    @property
    def layer(self) -> Self:
        """The layer that this matrix belongs to."""
        return replace(self, projection=None)

    @property
    def whole_part(self) -> Self:
        """The attention or the MLP that this matrix belongs to."""
        return replace(self, group=None, projection=None)

    @property
    def leaving(self) -> "Place":
        """Where the tokens stand that leave this block; of a block 0, those that enter the first."""
        return Place(stack=self.stack, depth=self.block)

    @property
    def is_layer(self) -> bool:
        """Whether this is a group in one block, or one that no block has; not one over all blocks."""
        return self.group is not None and (self.block is not None or self.group in OUTSIDE)

    @property
    def ends_branch(self) -> bool:
        """Whether this matrix is the last of a residual branch: what it puts out is added to the tokens."""
        return self.projection in ("project", "down") or (self.projection == "out" and self.part != "time")

    @property
    def fields(self) -> dict[str, Any]:
        """What applies, as plain data: the inverse of `read_place`."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def __str__(self) -> str:
        stack = STACKS[self.stack] if self.stack else ""
        part = f" {self.part}" if self.part in ("cross", "time") else ""
        matrix = f".{self.projection}" if self.projection else ""
        if self.depth is not None:
            return f"{stack}{self.depth}"
        if self.head is not None:
            return f"{stack}{self.block}{part}/{self.head}"
        layer = self.group if self.block is None else f"{stack}{self.block}{part}.{self.group}"
        return f"{layer}{matrix}"

    @property
    def words(self) -> str:
        """The place as a person says it."""
        block = f"{self.stack or 'block'} {self.block}" + (f" {self.part}" if self.part in ("cross", "time") else "")
        if self.depth is not None:
            return f"after {self.stack or 'block'} {self.depth}" if self.depth else "start"
        if self.head is not None:
            return f"{block}, head {self.head + 1}"
        assert self.group is not None
        layer = GROUP_NAMES[self.group] if self.block is None else f"{block}: {GROUP_NAMES[self.group]}"
        return f"{layer} ({self.projection})" if self.projection else layer


NOWHERE = Place()  # of a piece that stands in no model
_FIELDS = TypeAdapter(Place)


def read_place(told: str | Mapping[str, Any] | Place) -> Place:
    """A place from its fields, or from its spelling, as events had it once. Raises ValueError for what is none."""
    if isinstance(told, Place):
        return told
    if isinstance(told, str):
        return _spelled(told)
    try:
        return _FIELDS.validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "its fields"
        raise ValueError(f"{str(told)[:40]!r} is no place in a model: {field}: {first['msg']}") from None


@lru_cache(maxsize=4096)
def _spelled(told: str) -> Place:
    found = SPELLED.fullmatch(told)
    short, block, named, of_block, matrix, head, alone, of_alone = found.groups() if found else (None,) * 8
    group, projection = of_block or alone, matrix or of_alone
    unknown = group is not None and group not in GROUPS
    if found is None or unknown or (named and group is None and head is None):
        raise ValueError(f"{told[:40]!r} is no place in a model; places are spelled as qk, 2.qk, 2/0 or 0")
    stack = next((name for name, spelled in STACKS.items() if short and spelled.startswith(short)), None)
    if block is not None and group is None and head is None:
        return Place(stack=stack, depth=int(block))
    part = None if block is None else named or ("mlp" if group == "mlp" else "attention")
    return Place(
        stack=stack,
        block=None if block is None else int(block),
        part=cast(Part | None, part),
        group=cast(GroupName | None, group),
        projection=cast(Projection | None, projection),
        head=None if head is None else int(head),
    )
