"""Low-pass filtered, as many rows as hold 90 % of the energy, 1/4 to 7/8 of them (after arXiv 2502.16886).

DBudgetKV drops what it can until attention suffers. The counterpart in the frequency domain: text whose keys and
values drift slowly is kept in few rows, text that jumps from row to row in many, inside the same slots.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from freqkv_cli.kvcache.dct import cosines, lowpass
from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows

ENERGY = 0.9  # share of the energy, over all layers, keys and values, that a compression keeps
# Share of the rows, whatever the energy: a round must neither wipe the cache nor free nothing.
LEAST, MOST = 0.25, 0.875


class AdaptivePolicy(CompressionPolicy):
    """A budget that follows the text.

    One length for all layers; the retain ratio has no say.
    """

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Filter keys and values alike; see CompressionPolicy.compress."""
        return lowpass(keys, length), lowpass(values, length)

    def choose_length(self, layers: Iterable[tuple[Tensor, Tensor]], length: int) -> int:
        """Return the coefficients that hold ENERGY in the mean over all tensors; see ElasticPolicy.choose_length."""
        shares: list[Tensor] = []
        with torch.no_grad():
            for tensors in layers:
                for tensor in tensors:
                    energy = cosines(tensor).square().sum(dim=(0, 1, 3)).cpu()
                    shares.append(energy.cumsum(0) / energy.sum().clamp_min(1e-30))
        held = torch.stack(shares).mean(0)
        wanted = int((held < ENERGY).sum()) + 1
        rows = len(held)
        return max(1, min(length, max(wanted, round(LEAST * rows)), round(MOST * rows)))
