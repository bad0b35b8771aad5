"""Every second old slot is dropped: the control of all that averages, at the same reach and without a filter."""

import torch
from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past


class StridePolicy:
    """Keeps rows that are spread evenly over the old ones, the last among them; the others leave no trace."""

    name = "stride"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep every (T / length)-th row; see CompressionPolicy.compress."""
        rows = keys.shape[-2]
        ends = torch.arange(1, length + 1, device=keys.device) * rows
        kept = torch.div(ends + length - 1, length, rounding_mode="floor") - 1
        return keys[..., kept, :], values[..., kept.to(values.device), :]
