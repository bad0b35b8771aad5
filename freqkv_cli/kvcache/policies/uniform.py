"""Averaged so that every token weighs the same, whatever its age (after arXiv 2507.20030).

What averages all old rows alike halves a token's weight in every round, so that a token older than N ln N tokens shares
less than one slot with everything before it. Here rows from the last round, which already stand for many tokens, are
averaged less than new ones, so that all rows of the result stand for equally many.
"""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows
from freqkv_cli.kvcache.spans import span_means


class UniformPolicy(CompressionPolicy):
    """No horizon; wants recent tokens beside it.

    A memory without a view of what is near.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Average spans of equally many tokens; see CompressionPolicy.compress."""
        return (
            span_means(keys, length, context.kept, context.tokens),
            span_means(values, length, context.kept, context.tokens),
        )
