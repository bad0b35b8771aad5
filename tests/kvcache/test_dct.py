"""The low-pass equals scipy's transforms, keeps constants, and is differentiable."""

import math

import pytest
import scipy.fft
import torch

from freqkv_cli.kvcache.dct import lowpass

SIZES = [(2, 1), (16, 8), (17, 8), (31, 5), (10, 9), (9, 1), (73, 36)]


@pytest.mark.parametrize(("rows", "length"), SIZES)
def test_equals_scipy(rows: int, length: int) -> None:
    x = torch.randn(2, 3, rows, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(rows))
    low = scipy.fft.dct(x.numpy(), axis=-2, norm="ortho")[..., :length, :]
    expected = torch.from_numpy(scipy.fft.idct(low, axis=-2, norm="ortho")) * math.sqrt(length / rows)
    torch.testing.assert_close(lowpass(x, length), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("rows", "length"), SIZES)
def test_constants_survive(rows: int, length: int) -> None:
    constant = torch.full((rows, 2), 3.5, dtype=torch.float64)
    torch.testing.assert_close(lowpass(constant, length), torch.full((length, 2), 3.5, dtype=torch.float64))


def test_all_rows_is_identity() -> None:
    x = torch.randn(5, 4)
    assert torch.equal(lowpass(x, 5), x)


def test_channels_and_heads_are_not_mixed() -> None:
    x = torch.zeros(3, 12, 6)
    x[1, :, 4] = torch.arange(12.0)
    filtered = lowpass(x, 6)
    touched = filtered.abs().amax(dim=1) > 1e-6
    assert touched.nonzero().tolist() == [[1, 4]]


def test_gradient() -> None:
    x = torch.randn(1, 9, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: lowpass(t, 4), (x,))


def test_half_precision_is_filtered_in_fp32() -> None:
    x = torch.randn(1, 64, 8).bfloat16()
    assert torch.equal(lowpass(x, 32), lowpass(x.float(), 32))
    assert lowpass(x, 32).dtype == torch.float32


@pytest.mark.parametrize("length", [0, 9])
def test_refuses_impossible_lengths(length: int) -> None:
    with pytest.raises(ValueError, match="cannot filter 8 rows"):
        lowpass(torch.zeros(8, 2), length)
