"""Means over spans: against a plain matrix, and what every token weighs."""

import pytest
import torch
from torch import Tensor

from freqkv_cli.kvcache.spans import span_means

SIZES = [
    (8, 4, 0, 0),
    (9, 4, 0, 0),
    (7, 6, 0, 0),
    (5, 1, 0, 0),
    (6, 6, 0, 0),
    (12, 6, 5, 37),
    (13, 5, 6, 6),
    (20, 7, 9, 4001),
]


def plain_means(x: Tensor, length: int, kept: int, tokens: int) -> Tensor:
    """By the overlap of every row with every span."""
    widths = [tokens / max(kept, 1)] * kept + [1.0] * (x.shape[-2] - kept)
    width = sum(widths) / length
    means = torch.zeros(length, x.shape[-1], dtype=x.dtype)
    start = 0.0
    for row, its in zip(x, widths, strict=True):
        for span in range(length):
            overlap = min(start + its, (span + 1) * width) - max(start, span * width)
            means[span] += max(overlap, 0.0) / width * row
        start += its
    return means


@pytest.mark.parametrize(("rows", "length", "kept", "tokens"), SIZES)
def test_equals_overlaps_worked_out_one_by_one(rows: int, length: int, kept: int, tokens: int) -> None:
    x = torch.randn(rows, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(rows))
    torch.testing.assert_close(span_means(x, length, kept, tokens), plain_means(x, length, kept, tokens))


@pytest.mark.parametrize(("rows", "length", "kept", "tokens"), SIZES)
def test_constants_survive(rows: int, length: int, kept: int, tokens: int) -> None:
    constant = torch.full((2, rows, 4), 2.5)
    torch.testing.assert_close(span_means(constant, length, kept, tokens), torch.full((2, length, 4), 2.5))


def test_gradient() -> None:
    x = torch.randn(2, 9, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: span_means(t, 4, 3, 10), (x,))


def test_half_precision_is_averaged_in_fp32() -> None:
    x = torch.randn(1, 10, 2).bfloat16()
    assert torch.equal(span_means(x, 4), span_means(x.float(), 4))
    assert span_means(x, 5).dtype == torch.float32
