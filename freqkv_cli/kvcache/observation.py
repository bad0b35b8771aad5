"""The last queries of each layer, and the attention that they pay to the slots: for policies that keep what is used."""

from typing import NamedTuple

import torch
from torch import Tensor


class Known(NamedTuple):
    """Queries of one layer, and how many slots were in use when the last of them was added."""

    queries: Tensor
    length: int


class Observation:
    """Queries since the last compression, the newest last: per layer [batch, heads, at most `most`, head_dim], scaled.

    They are rotated for their own slots, so that their product with the keys in the cache is the model's own score.
    """

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._before: dict[int, Known | None] = {}  # the same, before the last forward

    def add(self, layer: int, queries: Tensor, most: int, length: int) -> None:
        """Take in the queries of one forward, after which `length` slots are in use; keep the last `most` of all.

        The tensor is kept, not copied.
        """
        before = self._known.get(layer)
        joined = queries if before is None else torch.cat((before.queries, queries), dim=-2)
        self._before[layer] = before
        self._known[layer] = Known(joined[..., -most:, :].detach(), length)

    def count(self, layer: int) -> int:
        """How many queries of a layer are known."""
        return self._known[layer].queries.shape[-2] if layer in self._known else 0

    def queries(self, layer: int) -> Tensor:
        """The known queries of a layer, [batch, heads, count, head_dim], scaled and rotated. KeyError without any."""
        return self._known[layer].queries

    def attention(self, layer: int, keys: Tensor) -> Tensor | None:
        """Return the mean attention that the known queries pay to each slot; None where none is known.

        The slots of the queries themselves count as attended in full: they are too young to be judged by it.

        Args:
            layer: its index.
            keys: [batch, kv_heads, slots, head_dim] as they lie in the cache; the last slots are those of the queries.

        Returns:
            [batch, kv_heads, slots] in fp32, the mean over queries and over the heads that share a key head.
        """
        if not self.count(layer):
            return None
        queries, keys = self.queries(layer), keys.detach()
        batch, heads, rows, head_dim = queries.shape
        kv_heads, slots = keys.shape[1:3]
        grouped = queries.reshape(batch, kv_heads, heads // kv_heads * rows, head_dim)
        scores = (grouped @ keys.transpose(-1, -2)).float().view(batch, kv_heads, -1, rows, slots)
        # Only the queries' own slots lie in the future of any of them.
        future = torch.ones(rows, rows, dtype=torch.bool, device=scores.device).triu(1)
        scores[..., -rows:].masked_fill_(future, float("-inf"))
        attention = scores.softmax(dim=-1).mean(dim=(2, 3))
        attention[..., -rows:] = 1.0
        return attention

    def take_back(self, tokens: int) -> None:
        """Forget the queries of the last `tokens` tokens."""
        if tokens:
            self._known = {
                layer: Known(known.queries[..., :-tokens, :], known.length - tokens)
                for layer, known in self._known.items()
            }
            self._before = {}

    def cut_back(self, length: int) -> None:
        """Know what was known when `length` slots were in use, before a forward that was stopped in some layer; where
        that is too long ago, nothing.
        """
        for layer in [layer for layer, known in self._known.items() if known.length > length]:
            before = self._before.pop(layer, self._known[layer])
            if before is None:
                del self._known[layer]
            elif before.length <= length:
                self._known[layer] = before
            else:
                self.clear()
                return

    def clear(self) -> None:
        """Forget all."""
        self._known, self._before = {}, {}

    def copy(self) -> "Observation":
        """Return an independent one that knows the same queries."""
        twin = Observation()
        twin._known, twin._before = dict(self._known), dict(self._before)
        return twin
