"""Bootstrap intervals: how a figure varies when its units (blocks of tokens, facts) are drawn anew with replacement."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]
RESAMPLES = 2000
ENDS = (0.025, 0.975)


def estimate(
    units: Figures, statistic: Callable[..., Any], seed: int
) -> tuple[float | None, list[float | None] | None]:
    """Return a statistic of units, [units, columns], and its 95 % percentile interval (B. Efron, 1979).

    `statistic` takes the sums of the columns, one by one, each a number or an array of resamples. What is not finite
    is None: the statistic of no units, or an end without bound. Fewer than two units have no interval.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = finite(statistic(*units.sum(axis=0)))
        if value is None or len(units) < 2:
            return value, None
        drawn = statistic(*(_resamples(len(units), seed) @ units).T)
    ends = np.quantile(drawn[~np.isnan(drawn)], ENDS, method="nearest")
    return value, [finite(end) for end in ends]


def finite(number: Any) -> float | None:
    """Return a number with four decimals, None for infinity and what is no number."""
    return round(float(number), 4) if np.isfinite(number) else None


@lru_cache(maxsize=8)
def _resamples(units: int, seed: int) -> Figures:
    """How often each unit is drawn, [resamples, units]: the same for all that is compared."""
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    return drawn.astype(np.float64)
