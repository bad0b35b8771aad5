"""Neighbours are averaged."""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows
from freqkv_cli.kvcache.spans import span_means


class PoolPolicy(CompressionPolicy):
    """Control: a filter without a cosine transform.

    Pairs where half of the rows remain, else spans of T / length rows, those at their ends with part of a row.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Average keys and values alike; see CompressionPolicy.compress."""
        return span_means(keys, length), span_means(values, length)
