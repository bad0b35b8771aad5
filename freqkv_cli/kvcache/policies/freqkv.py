"""FreqKV (arXiv 2505.00570): keep the low frequencies of keys and values along the sequence."""

from torch import Tensor

from freqkv_cli.kvcache.dct import lowpass
from freqkv_cli.kvcache.halving import can_halve, halve
from freqkv_cli.kvcache.policies.past import FRESH, Past


class FreqkvPolicy:
    """Every old token leaves a trace in every round, and each round halves it: a lossy memory of all that was read."""

    name = "freqkv"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Filter keys and values alike; see CompressionPolicy.compress."""
        if values.requires_grad or not can_halve(values.shape[-2], length, values.dtype):
            return lowpass(keys, length), lowpass(values, length)
        # What is stored in 16 bits is filtered in 16 bits (sums are still fp32).
        filtered_keys, filtered_values = halve(keys, values, dtype=values.dtype)
        return filtered_keys, filtered_values
