"""FreqKV (arXiv 2505.00570): keep the low frequencies of keys and values along the sequence."""

from torch import Tensor

from freqkv_cli.kvcache.dct import lowpass


class FreqkvPolicy:
    """Every old token leaves a trace in every round, and each round halves it: a lossy memory of all that was read."""

    name = "freqkv"
    evicts = True

    def compress(self, keys: Tensor, values: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Filter keys and values alike; see CompressionPolicy.compress."""
        return lowpass(keys, length), lowpass(values, length)
