"""Every second one is dropped."""

import torch
from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows


class StridePolicy(CompressionPolicy):
    """Control: the same reach without a filter.

    Keeps rows that are spread evenly over the old ones, the last among them; the others leave no trace.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Keep every (T / length)-th row; see CompressionPolicy.compress."""
        rows = keys.shape[-2]
        ends = torch.arange(1, length + 1, device=keys.device) * rows
        kept = torch.div(ends + length - 1, length, rounding_mode="floor") - 1
        return keys[..., kept, :], values[..., kept.to(values.device), :]
