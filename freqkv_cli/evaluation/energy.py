"""The energy of keys and values by frequency along the sequence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.dct import cosines

PARTS = ("keys", "values")


@dataclass(slots=True)
class Energy:
    """Energy by coefficient of the cosine transform, [layers, 2, kv_heads, T] in fp64: keys first, then values.

    Coefficient 0 is the mean of the sequence, coefficient k has k half waves in it.
    """

    sums: Tensor

    @classmethod
    def of(cls, cache: FreqkvCache) -> "Energy":
        """Measure all that lies behind the sinks of a cache that was never compressed; keys without their rotation."""
        layers = []
        for layer in cache.layers:
            parts = layer.old(cache.geometry, cache.rotation.to(layer.keys.device))
            layers.append(torch.stack([cosines(part).square().sum(dim=(0, 3)).double().cpu() for part in parts]))
        return cls(torch.stack(layers))

    def add(self, other: "Energy") -> None:
        """Add the energy of another sequence of the same length."""
        self.sums = self.sums + other.sums

    @property
    def rows(self) -> int:
        """T, the length of the sequences."""
        return self.sums.shape[-1]

    def mean_shares(self) -> Tensor:
        """Return how much of its energy each head has in the mean, [layers, 2, kv_heads]."""
        return self.sums[..., 0] / self.sums.sum(dim=-1)

    def held(self, *, with_mean: bool) -> Tensor:
        """Return the share of the energy in the lowest 1, 2, ... coefficients, [layers, 2, kv_heads, T].

        Without the mean, coefficient 0 counts for nothing.
        """
        sums = self.sums.clone()
        if not with_mean:
            sums[..., 0] = 0.0
        return sums.cumsum(dim=-1) / sums.sum(dim=-1, keepdim=True)


def wanted_ratio(held: Tensor, energy: float) -> float:
    """Return the smallest share of coefficients that holds `energy`; `held` [T] rises to 1."""
    return (int((held < energy).sum()) + 1) / len(held)


def sampled(held: Tensor, points: int) -> list[tuple[float, float]]:
    """Return at most `points` pairs (share of the coefficients, of the energy), evenly spread, the last (1, 1)."""
    rows = len(held)
    places: Sequence[int] = sorted({max(1, round(rows * part / points)) for part in range(1, points + 1)})
    return [(place / rows, float(held[place - 1])) for place in places]


def segments(count: int, size: int) -> Iterator[slice]:
    """Yield the whole pieces of `size` in `count` tokens, or all of them if they are fewer."""
    size = min(size, count)
    for start in range(0, count - size + 1, size):
        yield slice(start, start + size)
