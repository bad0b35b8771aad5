"""The quick filter is the exact one, up to what its inputs are rounded by anyway."""

import pytest
import torch

from freqkv_cli.kvcache.dct import lowpass
from freqkv_cli.kvcache.fast_lowpass import LONGEST, _factors, can_halve, halve
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies.freqkv import FreqkvPolicy


def relative_error(actual: torch.Tensor, exact: torch.Tensor) -> float:
    return float((actual.double() - exact).norm() / exact.norm())


def noise(rows: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(2, 3, rows, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(rows)).to(dtype)


@pytest.mark.parametrize("rows", [32, 64, 96, 160, 1024, 2016])
def test_equals_the_exact_filter(rows: int) -> None:
    x = noise(rows, torch.float64)
    assert relative_error(halve(x, dtype=x.dtype)[0], lowpass(x, rows // 2)) < 1e-4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_error_is_that_of_the_format(dtype: torch.dtype) -> None:
    x = noise(2016, dtype)
    exact = lowpass(x.double(), 1008)
    assert relative_error(halve(x, dtype=dtype)[0], exact) < 2.5 * relative_error(exact.to(dtype), exact)


@pytest.mark.parametrize("rows", [32, 96, 1024, 1984, 2016])
def test_32_bit_error_is_that_of_ffts(rows: int) -> None:
    x = noise(rows, torch.float32)
    exact = lowpass(x.double(), rows // 2)
    assert relative_error(lowpass(x, rows // 2), exact) < 5e-7
    assert relative_error(halve(x, dtype=x.dtype)[0], exact) < 5e-7


def test_constants_survive() -> None:
    constant = torch.full((1, 1, 512, 2), 3.0, dtype=torch.float64)
    (halved,) = halve(constant, dtype=torch.float64)
    torch.testing.assert_close(halved, torch.full((1, 1, 256, 2), 3.0, dtype=torch.float64), atol=2e-4, rtol=0)


def test_several_tensors_are_filtered_apart() -> None:
    keys, values = noise(64, torch.float64), noise(96, torch.float64)[..., :64, :]
    together = halve(keys, values, dtype=torch.float64)
    assert relative_error(together[0], lowpass(keys, 32)) < 1e-4
    assert relative_error(together[1], lowpass(values, 32)) < 1e-4


def test_policy_takes_the_quick_way_only_where_it_may() -> None:
    policy = FreqkvPolicy()
    keys, values = noise(128, torch.float32), noise(128, torch.bfloat16)
    assert policy.compress(keys, values, 64)[1].dtype == torch.bfloat16
    assert policy.compress(keys, values, 50)[1].dtype == torch.float32
    exact = policy.compress(keys.double(), values.double(), 64)
    assert torch.equal(exact[0], lowpass(keys.double(), 64))
    assert torch.equal(exact[1], lowpass(values.double(), 64))
    traced = policy.compress(keys, values.float().requires_grad_(), 64)
    assert torch.equal(traced[0], lowpass(keys, 64))


def test_which_lengths_fit() -> None:
    assert can_halve(2016, 1008, torch.float32)
    assert not can_halve(2016, 1008, torch.float64)
    assert not can_halve(2016, 1007, torch.float32)
    assert not can_halve(2020, 1010, torch.float32)
    # What carries the far field is a square matrix: it must stay small beside the rows of any window.
    assert can_halve(LONGEST, LONGEST // 2, torch.bfloat16)
    assert not can_halve(2 * LONGEST, LONGEST, torch.bfloat16)
    assert _factors(LONGEST, torch.float32, torch.device("cpu")).carry.nbytes <= 4 * LONGEST * 1024


@pytest.mark.parametrize(("old", "left"), [(20, 20), (32, 32), (63, 32), (2015, 1984)])
def test_a_cache_is_divided_so_that_the_filter_is_quick(old: int, left: int) -> None:
    geometry = Geometry(old + 10, 4, 6).fitted(FreqkvPolicy.block)
    assert geometry.cache_size - geometry.sink_tokens - geometry.recent_tokens == left
    assert Geometry(old + 10, 4, 6).fitted(1) == Geometry(old + 10, 4, 6)
