"""The last ones stay (arXiv 2309.17453).

StreamingLLM: sinks and the most recent tokens; the rest is forgotten.
"""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows


class WindowPolicy(CompressionPolicy):
    """The baseline every claim about memory stands beside.

    It evicts in blocks: between L and T tokens are recent.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Keep the last `length` rows; see CompressionPolicy.compress."""
        # A copy: the rows may be written to where, at a large retain ratio, they still lie themselves.
        return keys[..., -length:, :], values[..., -length:, :].clone()
