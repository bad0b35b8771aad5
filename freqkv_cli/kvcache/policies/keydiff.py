"""Each head keeps the keys least like the others (arXiv 2504.15364)."""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows
from freqkv_cli.kvcache.selection import distinctness, pick, strongest


class KeydiffPolicy(CompressionPolicy):
    """Facts, without watching attention.

    Every head keeps rows of its own; what is kept is verbatim, what is not is gone.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Keep the `length` most distinct rows of each head; see CompressionPolicy.compress."""
        kept = strongest(distinctness(keys), length)
        return pick(keys, kept), pick(values, kept)
