"""The last queries of each layer, and the attention that they pay to the slots: for policies that keep what is used."""

from typing import NamedTuple

import torch
from torch import Tensor

from freqkv_cli.kvcache import compiled
from freqkv_cli.kvcache.policy import Attended

ROLLBACK = 16  # tokens that can be rolled back, more than any guess has, without a query missing afterwards


class Known(NamedTuple):
    """Queries of one layer, and how many slots were in use when the last of them was added."""

    queries: Tensor
    length: int


class Observation:
    """Queries since the last compression, newest last, scaled: per layer [batch, heads, at most `window`, head_dim].

    They are rotated for their own slots, so that their product with the keys in the cache is the model's own score.
    As many more as may be rolled back are kept beside them.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._known: dict[int, Known] = {}
        self._before: dict[int, Known | None] = {}  # the same, before the last forward

    def add(self, layer: int, queries: Tensor, length: int) -> None:
        """Take in the queries of one forward, after which `length` slots are in use. They are kept, not copied."""
        before, kept = self._known.get(layer), self.window + ROLLBACK
        queries = queries[..., -kept:, :].detach()
        joined = queries if before is None else torch.cat((before.queries, queries), dim=-2)[..., -kept:, :]
        self._before[layer] = before
        self._known[layer] = Known(joined, length)

    def count(self, layer: int) -> int:
        """How many queries of a layer are known, at most `window`."""
        return min(self.window, self._known[layer].queries.shape[-2]) if layer in self._known else 0

    def queries(self, layer: int) -> Tensor:
        """The known queries of a layer, [batch, heads, count, head_dim], scaled and rotated. KeyError without any."""
        return self._known[layer].queries[..., -self.window :, :]

    def attention(self, layer: int, keys: Tensor) -> Tensor | None:
        """Return the mean attention that the known queries pay to each slot; None where none is known.

        The slots of the queries themselves count as attended in full: they are too young to be judged by it.

        Args:
            layer: its index.
            keys: [batch, kv_heads, slots, head_dim] as they lie in the cache; the last slots are those of the queries.

        Returns:
            [batch, kv_heads, slots] in fp32, the mean over queries and over the heads that share a key head.
        """
        queries = self.count(layer)
        if not queries:
            return None
        scores = self._scores(layer, keys)
        if compiled.applies_to(scores):
            return _judged(compiled.mean_attention(scores, queries), queries)
        return _judged(_weights(scores, queries).mean(dim=2), queries)

    def attended(self, layer: int, keys: Tensor) -> Attended:
        """Return the same mean, and the sum of the squares of what it is the mean of. KeyError where none is known."""
        queries = self.queries(layer).shape[-2]
        weights = _weights(self._scores(layer, keys), queries)
        return Attended(_judged(weights.mean(dim=2), queries), weights.square().sum(dim=2))

    def _scores(self, layer: int, keys: Tensor) -> Tensor:
        """Known queries times keys: [batch, kv_heads, heads that share a key head * queries, slots]."""
        queries, keys = self.queries(layer), keys.detach()
        return queries.reshape(*keys.shape[:2], -1, keys.shape[-1]) @ keys.transpose(-1, -2)

    def truncate(self, length: int) -> None:
        """Know what was known when `length` slots were in use, also where a forward was stopped in some layer; where
        that is longer ago than ROLLBACK tokens and the last forward, nothing.
        """
        for layer in [layer for layer, known in self._known.items() if known.length > length]:
            known, before = self._known[layer], self._before.pop(layer, None)
            gone = known.length - length
            if gone <= ROLLBACK and gone < known.queries.shape[-2]:
                self._known[layer] = Known(known.queries[..., :-gone, :], length)
            elif before is not None and before.length == length:
                self._known[layer] = before
            else:
                del self._known[layer]

    def clear(self) -> None:
        """Forget all."""
        self._known, self._before = {}, {}

    def copy(self) -> "Observation":
        """Return an independent one that knows the same queries."""
        twin = Observation(self.window)
        twin._known, twin._before = dict(self._known), dict(self._before)
        return twin


def _weights(scores: Tensor, queries: int) -> Tensor:
    """What each of the last `queries` queries pays to each slot, in fp32, of scores [..., heads * queries, slots]."""
    scores = scores.float()
    # Only the queries' own slots lie in the future of any of them.
    future = torch.ones(queries, queries, dtype=torch.bool, device=scores.device).triu(1)
    scores[..., -queries:].masked_fill_(future.repeat(scores.shape[-2] // queries, 1), float("-inf"))
    return scores.softmax(dim=-1)


def _judged(mean: Tensor, queries: int) -> Tensor:
    mean[..., -queries:] = 1.0
    return mean
