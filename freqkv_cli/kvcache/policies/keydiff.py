"""Each head keeps the keys least like the others (arXiv 2504.15364)."""

from torch import Tensor

from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys
from freqkv_cli.kvcache.selection import distinctness, strongest


class KeydiffPolicy(SelectingPolicy):
    """Facts, without watching attention.

    Every head keeps rows of its own; what is kept is verbatim, what is not is gone.
    """

    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Keep the `length` most distinct rows of each head; see SelectingPolicy.choose."""
        return strongest(distinctness(keys), length)
