"""Bootstrap intervals, against one that draws lists with the standard library."""

import math
import random
from typing import Any

import numpy as np
import pytest

from freqkv_cli.measurement.bootstrap import estimate
from tests.evaluation.plain_bootstrap import plain_bootstrap


def mean(total: Any, count: Any) -> Any:
    return total / count


def test_an_interval_is_that_of_a_plain_bootstrap() -> None:
    source = random.Random(4)
    units = [(source.expovariate(1.0) * size, float(size)) for size in (1, 2, 3, 4) for _ in range(10)]
    value, ends = estimate(np.array(units), mean, seed=1)
    assert value == pytest.approx(sum(one for one, _ in units) / sum(size for _, size in units), abs=1e-4)
    expected = plain_bootstrap(units, lambda drawn: sum(one for one, _ in drawn) / sum(size for _, size in drawn))
    assert ends == pytest.approx(expected, abs=0.03)


def test_it_covers_the_truth_in_95_of_100_cases() -> None:
    source, covered = random.Random(1), 0
    for _ in range(300):
        _, ends = estimate(np.array([(source.expovariate(1.0), 1.0) for _ in range(40)]), mean, seed=1)
        low, high = ends or (math.nan, math.nan)
        covered += (low or 0.0) < 1.0 < (high or 0.0)
    assert 265 <= covered <= 297  # of skewed numbers a little less than 95 %


def test_the_seed_decides() -> None:
    units = np.array([(float(number), 1.0) for number in range(9)])
    assert estimate(units, mean, seed=1) == estimate(units, mean, seed=1) != estimate(units, mean, seed=2)


def test_what_cannot_be_told() -> None:
    assert estimate(np.empty((0, 2)), mean, seed=1) == (None, None)
    assert estimate(np.array([[3.0, 2.0]]), mean, seed=1) == (1.5, None)
    value, ends = estimate(np.array([[1.0, 1.0], [1.0, 0.0]]), mean, seed=1)  # a quarter is without a second column
    assert (value, ends) == (2.0, [1.0, None])
