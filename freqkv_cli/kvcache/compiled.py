"""The compiled loops of kernels.py on the rows of a cache, where it lies on a CPU and no gradient is asked for.

They do in half of the time, or less, what stands in torch where they are called from, for GPUs and for gradients. The
cos, sin and scale that they are given are a SlotRotation's, of each row's slot.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from freqkv_cli.quantized.stored import as_stored


def applies_to(*tensors: Tensor) -> bool:
    """Whether the loops can take these [batch, heads, rows, channels]."""
    return all(map(_can_take, tensors)) and _kernels() is not None


def distinctness(keys: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """As selection.distinctness, of keys [batch, heads, T, head_dim] in their slots: [batch, heads, T] in fp32."""
    out = torch.empty(keys.shape[:-1])
    for of_head, into in zip(_heads(keys), _heads(out), strict=True):
        _kernels().distinctness(of_head, cos.numpy(), sin.numpy(), scale, into)
    return out


def importance(weights: Tensor, keys: Tensor, values: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """`weights` [heads, features] times importance.features of keys in their slots: [batch, heads, T] in fp32."""
    out = torch.empty(keys.shape[:-1])
    heads = zip(_heads(keys), _heads(values), _heads(weights.expand(len(keys), -1, -1)), _heads(out), strict=True)
    for of_keys, of_values, of_head, into in heads:
        _kernels().importance(of_keys, of_values, cos.numpy(), sin.numpy(), scale, of_head, into)
    return out


def strongest(scores: Tensor, count: int) -> Tensor:
    """As selection.strongest, of scores in fp32."""
    places = torch.empty((*scores.shape[:-1], count), dtype=torch.int64)
    if count:
        for of_head, into in zip(_heads(scores), _heads(places), strict=True):
            _kernels().strongest(of_head, into)
    return places


def keep(keys: Tensor, values: Tensor, kept: Tensor, old: slice, cos: Tensor, sin: Tensor, scale: float) -> None:
    """Let the rows at the places `kept` [batch, heads, L], rising, of the slots `old`, and all behind these, stand from
    the first of them on, in place.

    keys, values: [batch, heads, slots, channels], all slots in use.
    """
    for of_keys, of_values, of_head in zip(_heads(keys), _heads(values), _heads(kept), strict=True):
        _kernels().keep(of_keys, of_values, of_head, old.start, old.stop, cos.numpy(), sin.numpy(), scale)


def mean_attention(scores: Tensor, queries: int) -> Tensor:
    """The mean softmax of scores [batch, heads, rows, slots], rows for `queries` queries each: [batch, heads, slots].

    The last slots are those of the queries.
    """
    out = torch.empty((*scores.shape[:2], scores.shape[-1]))
    for of_head, into in zip(_heads(scores), _heads(out), strict=True):
        _kernels().mean_attention(of_head, queries, into)
    return out


def _can_take(x: Tensor) -> bool:
    wants_gradient = torch.is_grad_enabled() and x.requires_grad
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16) and not wants_gradient


@lru_cache(maxsize=1)
def _kernels() -> Any:
    """The module, or None without numba, or where it has no place to keep what it compiles. It is not imported before
    it is needed: that takes a third of a second.
    """
    try:
        from freqkv_cli.kvcache import kernels
    except (ImportError, RuntimeError):
        return None
    return kernels


def _heads(x: Tensor) -> Iterator[NDArray[Any]]:
    """What each head of each batch holds, not copied."""
    return (head for batch in as_stored(x) for head in batch)
