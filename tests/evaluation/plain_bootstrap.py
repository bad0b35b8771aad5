"""A bootstrap as its definition has it, without a line of the package: lists, drawn again and again."""

import random
from collections.abc import Callable, Sequence
from typing import Any


def plain_bootstrap(units: Sequence[Any], statistic: Callable[[list[Any]], float], times: int = 4000) -> list[float]:
    source = random.Random(7)
    found = sorted(statistic(source.choices(units, k=len(units))) for _ in range(times))
    return [found[round(0.025 * times)], found[round(0.975 * times)]]
