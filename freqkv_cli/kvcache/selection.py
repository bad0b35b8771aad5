"""Rows picked by a score, head by head, in the order of time."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from freqkv_cli.kvcache import compiled
from freqkv_cli.kvcache.rope import SlotKeys


def pick(x: Tensor, indices: Tensor) -> Tensor:
    """Return rows `indices` [batch, heads, L] of `x` [batch, heads, T, channels]; differentiable in `x`."""
    rows, indices = x.reshape(-1, x.shape[-1]), indices.to(x.device)
    # Whole rows are copied: several times as quick as a gather, which looks up every channel.
    first = torch.arange(0, len(rows), x.shape[-2], device=x.device).view(*indices.shape[:-1], 1)
    return rows.index_select(0, (indices + first).flatten()).view(*indices.shape, x.shape[-1])


def strongest(scores: Tensor, count: int) -> Tensor:
    """Return the places of the `count` highest of `scores` [batch, heads, T], rising: [batch, heads, count]."""
    if scores.dtype == torch.float32 and compiled.applies_to(scores):
        return compiled.strongest(scores, count)
    return scores.topk(count, dim=-1, sorted=False).indices.sort(dim=-1).values


def distinctness(keys: SlotKeys) -> Tensor:
    """Return how little each key looks like the mean of all: KeyDiff (arXiv 2504.15364).

    Returns:
        minus the cosine between a key, without its position, and the mean direction of its head's, [batch, heads, T].
    """
    if compiled.applies_to(keys.stored):
        return compiled.distinctness(keys.stored, *keys.tables)
    directions = normalize(keys.free, dim=-1)
    anchor = normalize(directions.mean(dim=-2, keepdim=True), dim=-1)
    return -(directions * anchor).sum(dim=-1)
