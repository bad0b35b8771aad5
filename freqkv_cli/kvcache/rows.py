"""Rows picked by a score, head by head, in the order of time."""

from torch import Tensor
from torch.nn.functional import normalize


def pick(x: Tensor, indices: Tensor) -> Tensor:
    """Return rows `indices` [batch, heads, L] of `x` [batch, heads, T, channels]; differentiable in `x`."""
    return x.gather(-2, indices.to(x.device).unsqueeze(-1).expand(*indices.shape, x.shape[-1]))


def strongest(scores: Tensor, count: int) -> Tensor:
    """Return the places of the `count` highest of `scores` [batch, heads, T], rising: [batch, heads, count]."""
    return scores.topk(count, dim=-1).indices.sort(dim=-1).values


def distinctness(keys: Tensor) -> Tensor:
    """Return how little each key looks like the mean of all: KeyDiff (arXiv 2504.15364).

    Args:
        keys: [batch, heads, T, head_dim], position-free.

    Returns:
        minus the cosine between a key and the mean direction of its head's keys, [batch, heads, T].
    """
    directions = normalize(keys, dim=-1)
    anchor = normalize(directions.mean(dim=-2, keepdim=True), dim=-1)
    return -(directions * anchor).sum(dim=-1)
