"""softmax(q k^T / sqrt(K)) v and its gradient, written for the short sequences and small heads of this lab on a CPU.

The mathematics is that of `attention_weights(q, k) @ v` (Vaswani et al. 2017, Eq. 1), and a test holds the two together.
For heads of few features, moving numbers costs more than multiplying them, so:

- Heads are copied apart, and together again, several features at a time.
- Weights are worked on a chunk at a time, as many heads as fit into the processor's cache. If there are several chunks,
  the backward pass computes them once more instead of fetching them from memory (as FlashAttention does: Dao et al. 2022).
- E = exp(s) is taken as it stands. Only if a row's sum leaves the range of floats, each row's largest score is taken off
  first. The sums then divide the K features of an output, not its N weights.
- Since sum_j A_ij dA_ij = do_i . o_i, the gradient of the softmax needs no pass of its own over the rows:
  ds_ij = E_ij (do_i . v_j - do_i . o_i) / sum_j E_ij.

B batch, N tokens, D dim, H heads, K = D / H features a head, Z = B H heads of the whole batch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 2**17  # attention weights worked on together: half a megabyte
SMALLEST_SUM, LARGEST_SUM = 1e-30, 1e30  # of a row's exponentials, between which float32 can divide


def attend(qkv: Tensor, heads: int) -> Tensor:
    """Every token reads all tokens, once per head: queries, keys and values side by side, (B, N, 3 D) -> (B, N, D)."""
    mixed: Tensor = _Attend.apply(qkv, heads)
    return mixed


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int) -> Tensor:
        by_image = (len(qkv), heads)
        q, k, v = _rearranged(qkv.unflatten(-1, (3, heads, -1)), 2, 0, 3, 1, 4).flatten(1, 2)  # (Z, N, K)
        shift: Tensor | None = None
        mixed, sums, weights = _read(q, k, v, shift)
        low, high = sums.aminmax()
        if not (float(low) > SMALLEST_SUM and float(high) < LARGEST_SUM):
            shift = torch.cat([_scores(a, b, _buffer(a)).amax(-1, keepdim=True) for a, b in _chunks(q, k)])
            mixed, sums, weights = _read(q, k, v, shift)
        mixed.div_(sums)
        ctx.save_for_backward(q, k, v, sums, mixed, shift, weights)
        return _rearranged(mixed.unflatten(0, by_image), 0, 2, 1, 3).flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        q, k, v, sums, mixed, shift, weights = ctx.saved_tensors
        grad = grad.unflatten(-1, (-1, q.shape[-1]))  # (B, N, H, K)
        by_image = grad.shape[::2]
        do = _rearranged(grad, 0, 2, 1, 3).flatten(0, 1).div_(sums)  # over the sum, (Z, N, K)
        own = (do * mixed).sum(-1, keepdim=True)  # do_i . o_i over the sum
        gradients, scale = q.new_empty(3, *q.shape), q.shape[-1] ** -0.5
        ds_buffer = _buffer(q)
        e_buffer = ds_buffer if weights is not None else _buffer(q)
        for q_, k_, v_, do_, own_, shift_, dq_, dk_, dv_ in _chunks(q, k, v, do, own, shift, *gradients):
            e = weights if weights is not None else _exponentials(q_, k_, shift_, e_buffer[: len(q_)])
            torch.bmm(e.transpose(1, 2), do_, out=dv_)
            ds = torch.bmm(do_, v_.transpose(1, 2), out=ds_buffer[: len(q_)]).sub_(own_).mul_(e)
            torch.baddbmm(dq_, ds, k_, beta=0, alpha=scale, out=dq_)
            torch.baddbmm(dk_, ds.transpose(1, 2), q_, beta=0, alpha=scale, out=dk_)
        return _rearranged(gradients.unflatten(1, by_image), 1, 3, 0, 2, 4).flatten(2), None  # (B, N, 3 D)


def _rearranged(x: Tensor, *order: int) -> Tensor:
    """A copy of x with its dimensions in another order. The last one stays, so features move 16 bytes at a time."""
    x = x.contiguous()
    wide = x.view(torch.complex128) if x.shape[-1] * x.element_size() % 16 == 0 else x
    return wide.permute(order).clone(memory_format=torch.contiguous_format).view(x.dtype)


def _read(q: Tensor, k: Tensor, v: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """E v and the row sums of E, (Z, N, K) and (Z, N, 1); E itself too, (Z, N, N), if it is one chunk."""
    mixed, sums, buffer = torch.empty_like(q), q.new_empty(*q.shape[:2], 1), _buffer(q)
    for q_, k_, v_, shift_, mixed_, sums_ in _chunks(q, k, v, shift, mixed, sums):
        e = _exponentials(q_, k_, shift_, buffer[: len(q_)])
        torch.sum(e, dim=-1, keepdim=True, out=sums_)
        torch.bmm(e, v_, out=mixed_)
    return mixed, sums, buffer if len(buffer) == len(q) else None


def _exponentials(q: Tensor, k: Tensor, shift: Tensor | None, out: Tensor) -> Tensor:
    scores = _scores(q, k, out)
    return (scores if shift is None else scores.sub_(shift)).exp_()


def _scores(q: Tensor, k: Tensor, out: Tensor) -> Tensor:
    """q k^T / sqrt(K), (Z, N, N)."""
    return torch.baddbmm(out, q, k.transpose(1, 2), beta=0, alpha=q.shape[-1] ** -0.5, out=out)


def _chunk(q: Tensor) -> int:
    return min(len(q), max(1, CHUNK // q.shape[1] ** 2))


def _buffer(q: Tensor) -> Tensor:
    return q.new_empty(_chunk(q), q.shape[1], q.shape[1])


def _chunks(q: Tensor, *others: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Some heads at a time of several tensors (Z, ...); None stays None."""
    size = _chunk(q)
    for first in range(0, len(q), size):
        rows = slice(first, first + size)
        yield tuple(None if tensor is None else tensor[rows] for tensor in (q, *others))
