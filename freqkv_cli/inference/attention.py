"""Attention of a chunk on the cache, without a mask.

A chunk of Q tokens comes after P slots that it may see whole, and is causal within itself. transformers' default
builds a Q x (P + Q) mask for that, which the CPU kernels are slow with and which hides the causal structure from the
GPU's. This one is registered under a name of its own through transformers' AttentionInterface; no model is patched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from freqkv_cli.models.lazy_imports import import_modeling

ATTENTION_NAME = "freqkv"
TILE = 128  # queries per tile: the scores of a tile stay in the CPU's caches
FEW = 16  # of so few queries each is answered bit for bit as if it were alone, whatever keys the others see
LANES = 64  # for that, weights are summed up in whole vector registers
SPAN = 256  # slots whose values are summed by one group of a GPU's threads
FUSED_TILE = 256  # the same for torch's own kernel, which looks at every key that it is given, hidden or not

Observer = Callable[[int, Tensor, float], None]  # told of a layer's index, its queries, and the factor of the scores
_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observed_by(observer: Observer | None) -> Iterator[None]:
    """Tell `observer` of the queries of every forward until the block ends; None: nobody is told."""
    before = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(before)


def register_attention() -> str:
    """Make the function known to transformers; return the name to load a model with (`attn_implementation`)."""
    import_modeling()
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION_NAME, chunk_attention)
    # Without an entry of its own transformers would hand over no mask at all and a chunk would see its own future.
    AttentionMaskInterface.register(ATTENTION_NAME, _no_mask)
    return ATTENTION_NAME


def chunk_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attend from the last Q of K tokens to all that came before each of them.

    Args:
        module: the attention module; its `layer_idx` names the layer to an observer.
        query: [batch, heads, Q, head_dim]; the queries of the last Q keys.
        key, value: [batch, kv_heads, K, head_dim], K >= Q; heads is a multiple of kv_heads.
        attention_mask: None, but where continuations are weighed side by side: which keys each query may see,
            [1, 1, Q, K] of bool; and where shapes never change (static_step.py): what is added to the scores of one
            query, [1, 1, 1, K] of float32.
        options: `scaling`, the factor of the scores (head_dim ** -0.5 when missing).

    Returns:
        [batch, Q, heads, head_dim], and None for the weights.
    """
    scaling = options.get("scaling") or query.shape[-1] ** -0.5
    observer = _OBSERVER.get()
    if observer is not None:
        observer(module.layer_idx, query, scaling)
    if attention_mask is not None and attention_mask.dtype == torch.float32:
        attended = _attend_slots(query, key, value, attention_mask, scaling)
    elif attention_mask is not None:
        grouped = query.shape[1] != key.shape[1]
        attended = scaled_dot_product_attention(query, key, value, attention_mask, scale=scaling, enable_gqa=grouped)
    elif query.device.type == "cpu" and query.dtype == torch.bfloat16:
        attended = _attend_tiles(query, key, value, scaling)
    elif query.shape[-2] == 1:
        attended = _attend_one(query, key, value, scaling)
    else:
        attended = _attend_fused(query, key, value, scaling)
    return attended.transpose(1, 2).contiguous(), None


def _no_mask(*_args: Any, **_options: Any) -> None:
    return None


def _attend_one(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """One query per sequence: the queries that share a key head become the rows of one product."""
    batch, heads, _, head_dim = query.shape
    grouped = query.view(batch, key.shape[1], -1, head_dim)
    return scaled_dot_product_attention(grouped, key, value, scale=scaling).view(batch, heads, 1, head_dim)


def _attend_fused(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """torch's own kernels, told that the chunk is the lower right corner of a causal square."""
    grouped = query.shape[1] != key.shape[1]
    if query.shape[-2] == key.shape[-2]:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped)
    chunk, total = query.shape[-2], key.shape[-2]
    if query.device.type == "cpu":
        tiles = []
        for start in range(0, chunk, FUSED_TILE):
            end = min(start + FUSED_TILE, chunk)
            seen = total - chunk + end
            tiles.append(
                scaled_dot_product_attention(
                    query[:, :, start:end],
                    key[:, :, :seen],
                    value[:, :, :seen],
                    attn_mask=_mask(end - start, seen, query.dtype),
                    scale=scaling,
                    enable_gqa=grouped,
                )
            )
        return tiles[0] if len(tiles) == 1 else torch.cat(tiles, dim=-2)
    return _attend_corner(query, key, value, scaling)


def _attend_corner(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """The kernels of a GPU. Flash attention shares the keys among the heads of a group; for the others (fp32, GPUs
    before Ampere) they are repeated, or torch would write out all scores.
    """
    from torch.backends.cuda import SDPAParams, can_use_flash_attention
    from torch.nn.attention.bias import causal_lower_right  # imports the whole of torch.compile: a second

    bias: Any = causal_lower_right(query.shape[-2], key.shape[-2])
    repeats = query.shape[1] // key.shape[1]
    grouped = repeats > 1
    if grouped and not can_use_flash_attention(SDPAParams(query, key, value, None, 0.0, True, True)):
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
        grouped = False
    return scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scaling, enable_gqa=grouped)


def _attend_slots(query: Tensor, key: Tensor, value: Tensor, added: Tensor, scaling: float) -> Tensor:
    """One query on all slots, of which `added` hides some. Queries that share a key head are the rows of one product,
    and the weighted values are summed in spans, which a GPU works on side by side.
    """
    batch, heads, _, head_dim = query.shape
    kv_heads, slots = key.shape[1:3]
    span = SPAN if slots % SPAN == 0 else slots
    rows = (query * scaling).reshape(batch * kv_heads, heads // kv_heads, head_dim)
    scores = (rows @ key.reshape(-1, slots, head_dim).transpose(1, 2)).float() + added[0, 0]
    weights = scores.softmax(-1).to(value.dtype).unflatten(-1, (-1, span)).transpose(1, 2)
    parts = weights @ value.reshape(batch * kv_heads, -1, span, value.shape[-1])
    return parts.float().sum(1).to(value.dtype).reshape(batch, heads, 1, -1)


@lru_cache(maxsize=4)  # one forward asks for the same ones in each layer
@torch.inference_mode(False)
def _mask(rows: int, seen: int, dtype: torch.dtype) -> Tensor:
    """What is added to the scores of the last `rows` of `seen` tokens, [rows, seen]."""
    return torch.full((rows, seen), float("-inf"), dtype=dtype).triu(seen - rows + 1)


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _hidden(dtype: torch.dtype) -> Tensor:
    """What is added to the scores of a tile with itself, [TILE, TILE]: a query must not see later keys."""
    return torch.full((TILE, TILE), float("-inf"), dtype=dtype).triu(1)


def _attend_tiles(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """Tiles of queries as plain 16-bit matrix products: on CPUs 2.5 times the speed of the fused kernel.

    Each tile sees only the keys up to its own last one, so half of the causal square costs nothing. Where gradients are
    asked for, the weights of all tiles are kept for the backward pass, which is twice as fast as the fused one, too.
    """
    batch, heads, chunk, head_dim = query.shape
    kv_heads, total = key.shape[1], key.shape[2]
    groups = heads // kv_heads
    past = total - chunk
    queries = (query * scaling).view(batch, kv_heads, groups, chunk, head_dim)
    hidden = _hidden(query.dtype)
    tiles = []
    for start in range(0, chunk, TILE):
        end = min(start + TILE, chunk)
        rows, seen = end - start, past + end
        tile = queries[:, :, :, start:end].reshape(-1, groups * rows, head_dim)
        weighted = []
        # One product for all heads would copy the keys and values that are in use out of their slots first.
        for head, keys, values in zip(tile, key.flatten(0, 1), value.flatten(0, 1), strict=True):
            scores = head @ keys[:seen].t()
            if rows > 1:
                scores.view(groups, rows, seen)[..., past + start :] += hidden[:rows, :rows]
            if rows <= FEW:
                weights = torch.softmax(pad(scores, (0, -seen % LANES), value=-torch.inf), dim=-1)[:, :seen]
            else:
                weights = torch.softmax(scores, dim=-1)
            weighted.append(weights @ values[:seen])
        tiles.append(torch.stack(weighted).view(batch, kv_heads, groups, rows, head_dim))
    attended = tiles[0] if len(tiles) == 1 else torch.cat(tiles, dim=3)
    return attended.reshape(batch, heads, chunk, head_dim)
