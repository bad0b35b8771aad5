"""Every second one is dropped."""

import torch
from torch import Tensor

from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys


class StridePolicy(SelectingPolicy):
    """Control: the same reach without a filter.

    Keeps rows that are spread evenly over the old ones, the last among them; the others leave no trace.
    """

    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Keep every (T / length)-th row; see SelectingPolicy.choose."""
        ends = torch.arange(1, length + 1, device=values.device) * values.shape[-2]
        kept = torch.div(ends + length - 1, length, rounding_mode="floor") - 1
        return kept.expand(*values.shape[:2], -1)
