"""Rates and their intervals, against scipy."""

import pytest
from scipy.stats import binomtest

from freqkv_cli.measurement.rates import Rate


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (0, 24), (14, 24), (24, 24), (3, 100)])
def test_the_interval_is_wilsons(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(confidence_level=0.95, method="wilson")
    assert Rate(hits, total).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_how_a_rate_is_written() -> None:
    assert str(Rate(14, 24)) == "14/24 58% (39-76)"
    assert Rate(1, 2).as_json()["share"] == 0.5


def test_nothing_counted_is_no_rate() -> None:
    nothing = Rate(0, 0)
    assert (nothing.share, nothing.interval, str(nothing)) == (None, None, "-")
    assert nothing.as_json() == {"hits": 0, "total": 0, "share": None, "interval_95": None}
