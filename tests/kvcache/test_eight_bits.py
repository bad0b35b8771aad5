"""A byte for each number, against QuantSpec's equations written down once more in tests/oracle.py."""

from typing import Any

import pytest
import torch
from torch import Tensor

from freqkv_cli.kvcache.eight_bits import SLOTS, ZERO, from_bytes, to_bytes
from tests.oracle import quantspec

ROWS = 2 * SLOTS + 44  # two whole groups of keys and the beginning of one


def some_rows() -> Tensor:
    rows = torch.randn(1, 2, ROWS, 8, generator=torch.Generator().manual_seed(0)).double()
    rows[..., 3] = 200 + 30 * rows[..., 3]  # a channel that is far longer than the others, as keys have
    return rows


@pytest.mark.parametrize("by_channel", [True, False])
def test_a_byte_is_the_upper_and_the_lower_half_of_quantspec(by_channel: bool) -> None:
    rows = some_rows()
    bytes_, ranges = to_bytes(rows, by_channel=by_channel)
    back = from_bytes(bytes_, ranges, by_channel=by_channel)
    for head in range(2):
        groups: list[tuple[Any, Any]] = [(row, slice(None)) for row in range(0, ROWS, 7)]
        if by_channel:
            groups = [(slice(at, at + SLOTS), channel) for at in range(0, ROWS, SLOTS) for channel in range(8)]
        for row, channel in groups:
            place = (0, head, row, channel)
            upper, lower, expected = quantspec(rows[place].tolist())
            halves = torch.tensor(upper) * 16 + torch.tensor(lower) + ZERO
            step = float(rows[place].amax() - rows[place].amin()) / 240
            # Half-way between two of the upper half the paper cannot say "8 more" and is a whole step off.
            near = (bytes_[place].long() - halves).abs()
            assert near.max() <= 1
            assert (near == 0).double().mean() > 0.8
            expected_rows = torch.tensor(expected, dtype=torch.float64)
            torch.testing.assert_close(back[place].double(), expected_rows, atol=1.01 * step, rtol=1e-6)
            assert (back[place] - rows[place]).abs().max() <= 0.51 * step


def test_a_long_channel_costs_the_others_nothing() -> None:
    rows = some_rows()
    alone = rows.clone()
    alone[..., 3] = 0
    others = [channel for channel in range(8) if channel != 3]
    back, back_alone = (from_bytes(*to_bytes(x, by_channel=True), by_channel=True) for x in (rows, alone))
    assert torch.equal(back[..., others], back_alone[..., others])


def test_groups_of_one_number_are_exact() -> None:
    rows = torch.full((1, 1, 5, 4), -3.25)
    for by_channel in (True, False):
        assert torch.equal(from_bytes(*to_bytes(rows, by_channel=by_channel), by_channel=by_channel), rows)
