"""The low-pass of FreqKV, with as many coefficients as hold a stated share of the energy (after 2502.16886).

DBudgetKV drops what it can until attention suffers. The counterpart in the frequency domain: text whose keys and
values drift slowly is kept in few rows, text that jumps from row to row in many, inside the same slots.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from freqkv_cli.kvcache.dct import cosines, lowpass
from freqkv_cli.kvcache.policies.past import FRESH, Past

ENERGY = 0.9  # share of the energy, over all layers, keys and values, that a compression keeps
# Share of the rows, whatever the energy: a round must neither wipe the cache nor free nothing.
LEAST, MOST = 0.25, 0.875


class AdaptivePolicy:
    """One length for all layers; the retain ratio has no say."""

    name = "adaptive"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
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
