"""Neighbours are averaged: the control that tells what the cosine transform adds to a plain mean."""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.spans import span_means


class PoolPolicy:
    """Pairs where half of the rows remain, else spans of T / length rows, those at their ends with part of a row."""

    name = "pool"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Average keys and values alike; see CompressionPolicy.compress."""
        return span_means(keys, length), span_means(values, length)
