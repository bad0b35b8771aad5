"""Rates: shares with the interval in which the true share lies in 95 of 100 cases."""

import math
from dataclasses import dataclass

Z = 1.959963984540054  # of the normal distribution: 95 % lie within so many standard deviations


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `total`. Shares are 0 to 1 and None when there was nothing to count; the interval is Wilson's."""

    hits: int
    total: int

    @property
    def share(self) -> float | None:
        """Hits of the total."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end of the 95 % interval (E. B. Wilson, 1927)."""
        if not self.total:
            return None
        share, total, square = self.hits / self.total, self.total, Z * Z
        centre = (share + square / (2 * total)) / (1 + square / total)
        half = Z / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
        return max(0.0, centre - half), min(1.0, centre + half)

    def as_json(self) -> dict[str, object]:
        """Return the rate for a report."""
        share, interval = self.share, self.interval
        return {
            "hits": self.hits,
            "total": self.total,
            "share": None if share is None else round(share, 4),
            "interval_95": None if interval is None else [round(end, 4) for end in interval],
        }

    def __str__(self) -> str:
        """Return "14/24 58 % (39-76)", or "-" for no cases."""
        if self.share is None or self.interval is None:
            return "-"
        low, high = self.interval
        return f"{self.hits}/{self.total} {self.share:.0%} ({low * 100:.0f}-{high * 100:.0f})"
