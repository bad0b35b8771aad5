"""Low-pass filtered along the sequence (arXiv 2505.00570)."""

from torch import Tensor

from freqkv_cli.kvcache.dct import lowpass
from freqkv_cli.kvcache.fast_lowpass import BLOCKS, can_halve, halve
from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows


class FreqkvPolicy(CompressionPolicy):
    """The method of the paper.

    Every old token leaves a trace in every round, and each round halves it: a lossy memory of all that was read.
    """

    block = BLOCKS[-1]

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Filter keys and values alike; see CompressionPolicy.compress."""
        if values.requires_grad or not can_halve(values.shape[-2], length, values.dtype):
            return lowpass(keys, length), lowpass(values, length)
        # What is stored in 16 bits is filtered in 16 bits (sums are still fp32).
        filtered_keys, filtered_values = halve(keys, values, dtype=values.dtype)
        return filtered_keys, filtered_values
