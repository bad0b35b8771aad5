"""The last queries of each layer, and the attention that they pay to the slots: for policies that keep what is used."""

import torch
from torch import Tensor


class Observation:
    """Queries since the last compression, the newest last: per layer [batch, heads, at most `most`, head_dim], scaled.

    They are rotated for their own slots, so that their product with the keys in the cache is the model's own score.
    """

    def __init__(self) -> None:
        self._queries: dict[int, Tensor] = {}
        self._lengths: dict[int, int] = {}  # slots in use when they were added
        self._before: dict[int, tuple[Tensor | None, int]] = {}  # the same, before the last forward

    def add(self, layer: int, queries: Tensor, most: int, length: int) -> None:
        """Take in the queries of one forward, after which `length` slots are in use; keep the last `most` of all."""
        before = self._queries.get(layer)
        joined = queries if before is None else torch.cat((before, queries), dim=-2)
        self._before[layer] = before, self._lengths.get(layer, 0)
        self._queries[layer] = joined[..., -most:, :].detach().clone()
        self._lengths[layer] = length

    def count(self, layer: int) -> int:
        """How many queries of a layer are known."""
        return self._queries[layer].shape[-2] if layer in self._queries else 0

    def queries(self, layer: int) -> Tensor:
        """The known queries of a layer, [batch, heads, count, head_dim], scaled and rotated. KeyError without any."""
        return self._queries[layer]

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
        queries, keys = self._queries[layer].float(), keys.detach().float()
        batch, heads, rows, head_dim = queries.shape
        kv_heads, slots = keys.shape[1:3]
        grouped = queries.reshape(batch, kv_heads, heads // kv_heads * rows, head_dim)
        scores = (grouped @ keys.transpose(-1, -2)).view(batch, kv_heads, -1, rows, slots)
        future = torch.ones(rows, slots, dtype=torch.bool, device=scores.device).triu(slots - rows + 1)
        attention = scores.masked_fill(future, float("-inf")).softmax(dim=-1).mean(dim=(2, 3))
        attention[..., -rows:] = 1.0
        return attention

    def take_back(self, tokens: int) -> None:
        """Forget the queries of the last `tokens` tokens."""
        if tokens:
            self._queries = {layer: queries[..., :-tokens, :] for layer, queries in self._queries.items()}
            self._lengths = {layer: length - tokens for layer, length in self._lengths.items()}
            self._before = {}

    def cut_back(self, length: int) -> None:
        """Know what was known when `length` slots were in use, before a forward that was stopped in some layer; where
        that is too long ago, nothing.
        """
        for layer in [layer for layer, used in self._lengths.items() if used > length]:
            queries, used = self._before.pop(layer, (None, length + 1))
            if used > length:
                self.clear()
                return
            del self._queries[layer], self._lengths[layer]
            if queries is not None:
                self._queries[layer], self._lengths[layer] = queries, used

    def clear(self) -> None:
        """Forget all."""
        self._queries, self._lengths, self._before = {}, {}, {}

    def copy(self) -> "Observation":
        """Return an independent one that knows the same queries."""
        twin = Observation()
        twin._queries, twin._lengths, twin._before = dict(self._queries), dict(self._lengths), dict(self._before)
        return twin
