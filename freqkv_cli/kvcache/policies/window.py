"""The last ones stay (arXiv 2309.17453).

StreamingLLM: sinks and the most recent tokens; the rest is forgotten.
"""

import torch
from torch import Tensor

from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys


class WindowPolicy(SelectingPolicy):
    """The baseline every claim about memory stands beside.

    It evicts in blocks: between L and T tokens are recent.
    """

    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Keep the last `length` rows; see SelectingPolicy.choose."""
        rows = values.shape[-2]
        return torch.arange(rows - length, rows, device=values.device).expand(*values.shape[:2], -1)
