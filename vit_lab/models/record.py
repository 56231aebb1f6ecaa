"""What a forward pass computes on its way, handed to whoever looks inside.

A model's `forward` takes a Recorder, and its pieces give it what they have at hand anyway. So a probe makes one
ordinary forward pass: with a recorder the result is the same to the bit, and without one nothing is computed for it.

| place | name | what | shape |
| --- | --- | --- | --- |
| a depth of a stack | tokens | what enters its first block, and what leaves each | (B, N, D) |
| an attention of a block | q, k, v | queries, keys and values | (B, H, N, K), (B, H, M, K) twice |
| | mask | True where a token may read, if there is a mask | as in `attention_weights` |

Scores, weights and the heads' results follow from these (`vit_lab.probes.heads`). No fused kernel ever holds them, and
for a batch of long sequences they would fill gigabytes, so they are computed when asked for.
"""

from torch import Tensor

from vit_lab.places import Place


class Recorder:
    """Keeps what it is given, by place and name. For one forward pass: a second would write over the first."""

    def __init__(self) -> None:
        self._kept: dict[Place, dict[str, Tensor]] = {}

    def __call__(self, place: Place, **tensors: Tensor | None) -> None:
        given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        self._kept.setdefault(place, {}).update(given)

    def __getitem__(self, place: Place) -> dict[str, Tensor]:
        """What was given at a place, by name. Raises KeyError if the pass did not come by."""
        return self._kept[place]

    @property
    def places(self) -> list[Place]:
        """All places that gave something, in the order of the pass."""
        return list(self._kept)
