"""The heads of one attention, from what a recorder was given: scores, weights and results follow from q, k and v.

B batch, H heads, N tokens that read, M tokens that are read, D dim, K = D / H features a head. Vaswani et al. 2017,
Sec. 3.2.
"""

from dataclasses import dataclass

from torch import Tensor

from vit_lab.models.attention import attention_weights


@dataclass(frozen=True)
class Heads:
    """What the heads of one attention worked with; what follows from it is computed anew each time it is asked for."""

    q: Tensor  # (B, H, N, K)
    k: Tensor  # (B, H, M, K)
    v: Tensor  # (B, H, M, K)
    mask: Tensor | None = None  # True where a token may read, see `attention_weights`

    @property
    def products(self) -> Tensor:
        """q.k of every query and key: (B, H, N, M)."""
        return self.q @ self.k.transpose(-2, -1)

    @property
    def scores(self) -> Tensor:
        """The products over sqrt(K), before the mask: (B, H, N, M)."""
        return self.products * self.q.shape[-1] ** -0.5

    @property
    def weights(self) -> Tensor:
        """How much each token reads of each other: (B, H, N, M), each row sums to 1."""
        return attention_weights(self.q, self.k, self.mask)

    @property
    def results(self) -> Tensor:
        """Each head's mean of the values under its weights: (B, H, N, K)."""
        return self.weights @ self.v

    @property
    def joined(self) -> Tensor:
        """The results of all heads side by side, before the last projection: (B, N, D)."""
        return self.results.transpose(1, 2).flatten(2)
