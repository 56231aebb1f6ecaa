"""Multi-head attention (Vaswani et al. 2017, Sec. 3.2).

B batch, N tokens that read, M tokens that are read (N if they read one another), D dim, H heads, K = D / H features a
head.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab.model_config import FUSED_FROM, FUSED_TOKENS, TimesformerConfig, VitConfig
from vit_lab.models.attend import attend
from vit_lab.models.matrix import Matrix
from vit_lab.models.record import Recorder
from vit_lab.places import NOWHERE, Place


def dropout(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share p of x and scale up the rest; the mask comes from `generator`, and None means none is drawn.

    torch's own dropout draws from the global generator, which all threads of a process share. The mask is drawn where
    the generator is and then moved to x, so that what a generator of the CPU drops is the same on every device.
    """
    factors = dropout_factors(x, x.shape, p, generator)
    return x if factors is None else x * factors


def dropout_factors(x: Tensor, shape: Sequence[int], p: float, generator: torch.Generator | None) -> Tensor | None:
    """What dropout multiplies by, 0 for a share p and 1 / (1 - p) else, of x's kind; None if nothing is dropped."""
    if generator is None or p == 0:
        return None
    kept = x.new_empty(shape, device=generator.device).bernoulli_(1 - p, generator=generator).div_(1 - p)
    return kept.to(x.device)


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(K)), Eq. 1: how much each token reads of each other.

    (B, H, N, K), (B, H, M, K) -> (B, H, N, M), rows of sum 1.
    `mask` is True where a token may read, and broadcasts to (B, H, N, M).
    """
    logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return torch.softmax(logits if mask is None else logits.masked_fill(~mask, -torch.inf), dim=-1)


class Attention(nn.Module):
    """Every token reads a weighted mean of all tokens, once per head. q, k and v share one matrix product.

    With a `memory`, queries come from x, keys and values from the memory (Sec. 3.2.3, encoder-decoder attention).
    """

    def __init__(self, *, dim: int, heads: int, qkv_bias: bool, out_bias: bool, dropout: float, place: Place = NOWHERE):
        super().__init__()
        self.heads, self.dropout, self.place = heads, dropout, place
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.out = nn.Linear(dim, dim, bias=out_bias)

    def project(self, x: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, N, K), keys and values (B, H, M, K) of every head, from (B, N, D) and (B, M, D)."""
        if memory is None:
            return self._by_head(self.qkv(x))
        weight, bias = self.qkv.weight, self.qkv.bias
        dim = x.shape[-1]
        q = F.linear(x, weight[:dim], None if bias is None else bias[:dim])
        kv = F.linear(memory, weight[dim:], None if bias is None else bias[dim:])
        k, v = kv.unflatten(-1, (2, self.heads, -1)).unbind(2)
        return q.unflatten(-1, (self.heads, -1)).transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def _by_head(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # (B, N, 3 D) -> three times (B, H, N, K)
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).unbind(2)  # so their gradients come as one matrix
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def matrices(self) -> Iterator[Matrix]:
        """Queries, keys, values and output, each a matrix of its own though three share a parameter."""
        dim, qkv, heads = self.out.in_features, self.qkv, self.heads
        q, k, v = (slice(start, start + dim) for start in (0, dim, 2 * dim))
        queries, keys = self.place.matrix("qk", "q"), self.place.matrix("qk", "k")
        values, output = self.place.matrix("vo", "v"), self.place.matrix("vo", "out")
        yield Matrix(place=queries, parameter=qkv.weight, bias_parameter=qkv.bias, rows=q, num_heads=heads)
        yield Matrix(place=keys, parameter=qkv.weight, bias_parameter=qkv.bias, rows=k, num_heads=heads)
        yield Matrix(place=values, parameter=qkv.weight, bias_parameter=qkv.bias, rows=v, num_heads=heads)
        yield Matrix(place=output, parameter=self.out.weight, bias_parameter=self.out.bias, num_heads=heads)

    def forward(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        record: Recorder | None = None,
        *,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # (B, N, D)
        narrow = x.is_cpu and x.shape[-1] < FUSED_FROM * self.heads
        if narrow and memory is None and mask is None:
            qkv, weights = self.qkv(x), (len(x), self.heads, x.shape[1], x.shape[1])
            if record is not None:
                record(self.place, **dict(zip("qkv", self._by_head(qkv), strict=True)))
            factors = dropout_factors(x, weights, self.dropout, generator)
            return self.out(attend(qkv, self.heads, factors))  # the same as what follows, faster
        q, k, v = self.project(x, memory)
        if record is not None:
            record(self.place, q=q, k=k, v=v, mask=mask)
        is_dropping = generator is not None and self.dropout > 0
        if is_dropping or (x.is_cpu and k.shape[-2] < FUSED_TOKENS):
            mixed = dropout(attention_weights(q, k, mask), self.dropout, generator) @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, H, N, K) -> (B, N, D)


def attention_of(c: VitConfig | TimesformerConfig, place: Place) -> Attention:
    """The attention of a block as the config of a model of images or clips has it."""
    return Attention(
        dim=c.dim,
        heads=c.heads,
        qkv_bias=c.qkv_bias,
        out_bias=c.out_bias,
        dropout=c.attention_dropout,
        place=place,
    )
