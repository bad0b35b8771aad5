"""The low-pass at retain ratio 1/2 as a few small matrix products.

For T = 2L the map of kvcache/dct.py has a closed form. With u = 2l + 1 and v = t + 1/2,

    W[l, t] = (-1)^l cos(pi v / 2) K(u, v),   K(u, v) = sin(pi u / T) / (T (cos(pi v / T) - cos(pi u / T))).

Away from u = v the kernel K is smooth. So the rows are cut into blocks: a block and its two neighbours are multiplied
as they are, and all that is farther off is carried by a few Chebyshev nodes per block (a one-level fast multipole
method). That is a tenth of the dense matrix's work, done by the kernels that processors are best at, and several times
as quick as two FFTs. With 5 nodes the far field is exact to 1e-4 of the result, well below 16-bit rounding; with 8 the
result is as exact as that of FFTs in 32 bits.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

NODES = {torch.float32: 8}
NODES_IN_16_BITS = 5
BLOCKS = (64, 32)  # rows per block, the larger where it divides T
LONGEST = 16384  # rows: what is carried far grows with their square, and from here on FFTs are as quick


def can_halve(rows: int, length: int, dtype: torch.dtype) -> bool:
    """Whether `halve` can map `rows` rows to `length`, as exactly as `dtype` can say it."""
    return rows == 2 * length <= LONGEST and rows % BLOCKS[-1] == 0 and dtype != torch.float64


def halve(*tensors: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """Return the low-pass of each tensor with half its rows; several cost little more than one.

    Args:
        tensors: each [batch, heads, T, channels], of one shape, T a multiple of 32.
        dtype: what is computed in, and returned.

    Returns:
        for each tensor [batch, heads, T/2, channels].
    """
    batch, heads, rows, channels = tensors[0].shape
    parts = _factors(rows, dtype, tensors[0].device)
    count, half = parts.near.shape[:2]
    block = 2 * half
    # All channels of all heads side by side, an empty block at both ends: the layout that products are quickest in.
    padded = tensors[0].new_empty((rows + 2 * block, len(tensors), batch, heads, channels), dtype=dtype)
    padded[:block] = padded[-block:] = 0
    for index, tensor in enumerate(tensors):
        padded[block:-block, index] = tensor.movedim(-2, 0)
    wide = padded.view(rows + 2 * block, -1)
    columns = wide.shape[1]
    blocks = wide[block:-block].view(count, block, columns)
    windows = wide.as_strided((count, 3 * block, columns), (block * columns, columns, 1))  # a block and its neighbours
    moments = (parts.gather @ blocks).view(-1, columns)
    far = (parts.carry @ moments).view(count, -1, columns)
    halved = torch.baddbmm(parts.spread.expand(count, -1, -1) @ far, parts.near, windows)
    apart = halved.view(rows // 2, len(tensors), batch, heads, channels)
    return [apart[:, index].movedim(0, -2) for index in range(len(tensors))]


class _Factors(NamedTuple):
    near: Tensor  # [blocks, block / 2, 3 * block]
    gather: Tensor  # [nodes, block]
    carry: Tensor  # [blocks * nodes, blocks * nodes]
    spread: Tensor  # [block / 2, nodes]


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _factors(rows: int, dtype: torch.dtype, device: torch.device) -> _Factors:
    block = next(size for size in BLOCKS if rows % size == 0)
    count, half = rows // block, block // 2
    starts = block * torch.arange(count, dtype=torch.float64)
    ins = torch.arange(block, dtype=torch.float64) + 0.5  # v within a block
    outs = 2 * torch.arange(half, dtype=torch.float64) + 1  # u within a block
    sign_in, sign_out = torch.cos(math.pi * ins / 2), torch.sin(math.pi * outs / 2)
    nodes = torch.arange(NODES.get(dtype, NODES_IN_16_BITS), dtype=torch.float64)
    nodes = torch.cos(math.pi * (2 * nodes + 1) / (2 * len(nodes)))

    v = starts.view(-1, 1, 1) - block + torch.arange(3 * block, dtype=torch.float64) + 0.5
    near = _kernel((starts.unsqueeze(-1) + outs).unsqueeze(-1), v, rows) * sign_out.unsqueeze(-1) * sign_in.repeat(3)
    near = near.masked_fill((v < 0) | (v > rows), 0.0)

    places = (starts.unsqueeze(-1) + half + nodes * half).flatten()
    apart = torch.arange(count).repeat_interleave(len(nodes))
    neighbours = (apart.unsqueeze(-1) - apart).abs() <= 1
    carry = _kernel(places.unsqueeze(-1), places, rows).masked_fill(neighbours, 0.0)

    gather = (_interpolation(ins / half - 1, nodes) * sign_in.unsqueeze(-1)).T
    spread = _interpolation(outs / half - 1, nodes) * sign_out.unsqueeze(-1)
    return _Factors(*(factor.to(device, dtype).contiguous() for factor in (near, gather, carry, spread)))


def _kernel(u: Tensor, v: Tensor, rows: int) -> Tensor:
    u, v = math.pi * u / rows, math.pi * v / rows
    return torch.sin(u) / (rows * (torch.cos(v) - torch.cos(u)))


def _interpolation(x: Tensor, nodes: Tensor) -> Tensor:
    """Lagrange's polynomials of `nodes` at `x`, [len(x), len(nodes)]."""
    columns = []
    for index, node in enumerate(nodes):
        others = torch.cat((nodes[:index], nodes[index + 1 :]))
        columns.append(((x.unsqueeze(-1) - others) / (node - others)).prod(-1))
    return torch.stack(columns, dim=-1)
