"""softmax(q k^T / sqrt(K)) v and its gradient, written for the short sequences and small heads of this lab on a CPU.

The mathematics is that of `attention_weights(q, k) @ v` (Vaswani et al. 2017, Eq. 1); a test holds the two together.
For heads of few features, moving numbers costs more than multiplying them, so:

- A head's features are rows and its tokens columns, (K, N), so that the rows of every product are long: a product
  whose rows have four numbers leaves most of a vector register empty. The weights stand transposed for the same reason.
- Weights are worked on a part at a time, as many heads as fit into the processor's cache. If all of them together are
  many, the backward pass computes them once more instead of keeping them (as FlashAttention does: Dao et al. 2022).
- E = exp(s) is taken as it stands, as a power of two, which is cheaper. If a token's sum leaves the range of floats,
  its largest score is taken off first. The sums then divide the K features of an output, not its N weights.
- Since sum_j A_ij dA_ij = do_i . o_i, the gradient of the softmax needs no pass of its own over the weights:
  ds_ij = E_ij (do_i . v_j - do_i . o_i) / sum_j E_ij. Dropout, A_ij times m_ij, leaves that sum as it is:
  ds_ij = (E_ij m_ij do_i . v_j - E_ij do_i . o_i) / sum_j E_ij.

B batch, N tokens, D dim, H heads, K = D / H features a head, Z = B H heads of the whole batch.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

AT_ONCE = 2**17  # attention weights worked on together: half a megabyte
KEPT = 2**20  # attention weights of one layer, up to which they are kept for the backward pass: four megabytes
SMALLEST_SUM, LARGEST_SUM = 1e-15, 1e15  # of a token's exponentials, between which float32 has room to divide


def attend(qkv: Tensor, heads: int, factors: Tensor | None = None) -> Tensor:
    """Every token reads all tokens, once per head: queries, keys and values side by side, (B, N, 3 D) -> (B, N, D).

    `factors` are what dropout multiplies the attention weights by, (B, H, N, N). What `attend` returns is kept for the
    gradient, so nobody may write into it.
    """
    mixed: Tensor = _Attend.apply(qkv, heads, None if factors is None else factors.flatten(0, 1))
    return mixed


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int, factors: Tensor | None) -> Tensor:
        q, k, v = _apart(qkv, heads, 3)
        keep = ctx.needs_input_grad[0] and (factors is not None or len(q) * q.shape[-1] ** 2 <= KEPT)
        shift: Tensor | None = None
        mixed, sums, *kept = _read(q, k, v, shift, factors, keep)
        low, high = sums.aminmax()
        if not (float(low) > SMALLEST_SUM and float(high) < LARGEST_SUM):
            shift = torch.cat([_scores(a, b, _scratch(a)).amax(1, keepdim=True) for a, b in _parts(q, k)])
            mixed, sums, *kept = _read(q, k, v, shift, factors, keep)
        ctx.save_for_backward(q, k, v, sums, mixed.div_(sums), shift, *kept)
        return _together(mixed[None], heads)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        q, k, v, sums, mixed, shift, weights, dropped = ctx.saved_tensors
        heads = grad.shape[-1] // q.shape[1]
        do = _apart(grad, heads, 1)[0].div_(sums)  # over the sum
        own = (do * mixed).sum(1, keepdim=True)  # do_i . o_i over the sum, (Z, 1, N)
        gradients, scale = q.new_empty(3, *q.shape), q.shape[1] ** -0.5
        e_scratch, ds_scratch = _scratch(q), _scratch(q)
        of_heads = _parts(q, k, v, do, own, shift, weights, dropped, *gradients)
        for q_, k_, v_, do_, own_, shift_, e, e_dropped, dq_, dk_, dv_ in of_heads:
            if e is None:
                e = _exponentials(q_, k_, shift_, e_scratch[: len(q_)])
            read = e if e_dropped is None else e_dropped
            torch.bmm(do_, read.transpose(1, 2), out=dv_)
            ds = torch.bmm(v_.transpose(1, 2), do_, out=ds_scratch[: len(q_)]).mul_(read).addcmul_(e, own_, value=-1)
            torch.baddbmm(dq_, k_, ds, beta=0, alpha=scale, out=dq_)
            torch.baddbmm(dk_, q_, ds.transpose(1, 2), beta=0, alpha=scale, out=dk_)
        return _together(gradients, heads), None, None


def _apart(x: Tensor, heads: int, count: int) -> Tensor:
    """Copies by head of what lies side by side, (B, N, count D) -> (count, Z, K, N)."""
    apart = x.unflatten(-1, (count, heads, -1)).permute(2, 0, 3, 4, 1)
    return apart.clone(memory_format=torch.contiguous_format).flatten(1, 2)


def _together(x: Tensor, heads: int) -> Tensor:
    """The inverse of `_apart`, (count, Z, K, N) -> (B, N, count D). Tokens still lie side by side: a view of rows."""
    return x.unflatten(1, (-1, heads)).permute(0, 2, 3, 1, 4).flatten(0, 2).permute(1, 2, 0)


def _read(
    q: Tensor, k: Tensor, v: Tensor, shift: Tensor | None, factors: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """v E and the sums of E by reading token, (Z, K, N) and (Z, 1, N); to `keep` them, E and E m too, (Z, N, N)."""
    mixed, sums = torch.empty_like(q), q.new_empty(len(q), 1, q.shape[-1])
    weights = q.new_empty(len(q), q.shape[-1], q.shape[-1]) if keep else None
    dropped = None if factors is None or weights is None else torch.empty_like(weights)
    scratch = _scratch(q)
    of_heads = _parts(q, k, v, shift, factors, mixed, sums, weights, dropped)
    for q_, k_, v_, shift_, factors_, mixed_, sums_, e, e_dropped in of_heads:
        e = _exponentials(q_, k_, shift_, scratch[: len(q_)] if e is None else e)
        torch.sum(e, dim=1, keepdim=True, out=sums_)
        if factors_ is not None:
            e = torch.mul(e, factors_.transpose(1, 2), out=e if e_dropped is None else e_dropped)
        torch.bmm(v_, e, out=mixed_)
    return mixed, sums, weights, dropped


def _exponentials(q: Tensor, k: Tensor, shift: Tensor | None, out: Tensor) -> Tensor:
    scores = _scores(q, k, out)
    return (scores if shift is None else scores.sub_(shift)).exp2_()


def _scores(q: Tensor, k: Tensor, out: Tensor) -> Tensor:
    """k^T q / sqrt(K) as powers of two, (Z, K, N) -> (Z, N, N): a row for each token that is read."""
    return torch.baddbmm(out, k.transpose(1, 2), q, beta=0, alpha=math.log2(math.e) * q.shape[1] ** -0.5, out=out)


def _at_once(q: Tensor) -> int:
    return max(1, min(len(q), AT_ONCE // q.shape[-1] ** 2))


def _scratch(q: Tensor) -> Tensor:
    return q.new_empty(_at_once(q), q.shape[-1], q.shape[-1])


def _parts(q: Tensor, *others: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Some heads at a time of several tensors (Z, ...); None stays None."""
    size = _at_once(q)
    for first in range(0, len(q), size):
        rows = slice(first, first + size)
        yield tuple(None if tensor is None else tensor[rows] for tensor in (q, *others))
