"""Rows of a cache with a byte for each number, as QuantSpec stores them (arXiv 2502.10424).

With scale = (greatest - least) / 15 of a group, QuantSpec keeps U = round((x - least) / scale) in four bits, and what
that leaves, in sixteenths of the scale, as L in four more: x is least + U * scale + L * scale / 16. The byte
16 U + L + 8 is both. As there, a group is a channel of 128 slots for keys, of which some channels are far longer than
others, and a row for values.
"""

import torch
from torch import Tensor

SLOTS = 128  # of one group of keys
STEPS = 240  # between the least and the greatest of a group: 15 * 16
ZERO = 8  # the byte of the least


def to_bytes(rows: Tensor, *, by_channel: bool) -> tuple[Tensor, Tensor]:
    """Return `rows`, [batch, heads, slots, head_dim], as bytes, and the least and the step of each group in fp32.

    These are [2, batch, heads, slots / SLOTS rounded up, head_dim] by channel, else [2, batch, heads, slots, 1].
    """
    bytes_, ranges = [], []
    for piece in rows.float().split(SLOTS, dim=-2):
        least, greatest = piece.aminmax(dim=-2 if by_channel else -1, keepdim=True)
        step = (greatest - least).clamp_min(torch.finfo(torch.float32).tiny) / STEPS
        bytes_.append(((piece - least) / step).round().add(ZERO).to(torch.uint8))
        ranges.append(torch.stack((least, step)))
    return torch.cat(bytes_, dim=-2), torch.cat(ranges, dim=-2)


def from_bytes(bytes_: Tensor, ranges: Tensor, *, by_channel: bool) -> Tensor:
    """Return the rows of `to_bytes` in fp32, each number at most half a step from what it was."""
    if by_channel:
        ranges = ranges.repeat_interleave(SLOTS, dim=-2)[..., : bytes_.shape[-2], :]
    least, step = ranges
    return least + (bytes_.float() - ZERO) * step
