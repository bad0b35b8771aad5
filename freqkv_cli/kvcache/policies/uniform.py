"""Every token of the document weighs the same, whatever its age: after FAEDKV (arXiv 2507.20030).

What averages all old rows alike halves a token's weight in every round, so that a token older than N ln N tokens shares
less than one slot with everything before it. Here rows from the last round, which already stand for many tokens, are
averaged less than new ones, so that all rows of the result stand for equally many.
"""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.spans import span_means


class UniformPolicy:
    """A memory without a horizon, and without a view of what is near: keep recent tokens beside it."""

    name = "uniform"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Average spans of equally many tokens; see CompressionPolicy.compress."""
        return (
            span_means(keys, length, past.kept, past.tokens),
            span_means(values, length, past.kept, past.tokens),
        )
