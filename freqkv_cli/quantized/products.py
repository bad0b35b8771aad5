"""Products with a matrix of blocks, in integers: activations become bytes, whose sums over some columns are exact.

Activations are int8 with a factor for a few neighbours of each token, so that one outlier costs these alone, and what a
token comes to does not depend on the tokens beside it. For a few tokens the weights are taken as they are in the
blocks. For many they are rounded to bytes too, with a scale for every GROUP of each row, once for all tokens: a panel
of rows at a time, which stays in the processor's cache and nowhere else.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from freqkv_cli.quantized.blocks import RUN, unpack
from freqkv_cli.quantized.floats import narrowed, silu, widened
from freqkv_cli.quantized.vectors import HAS_DOT, TILE_ROWS, TILE_TOKENS, add_tile, rescale_16, scaled_dot

Array = NDArray[Any]

GROUP = 256  # columns of a row with one scale when it is rounded to bytes: a block of the K types
LANES = 64  # columns with one factor when many tokens are rounded to bytes; all are filled up to a multiple of it
ROWS = 32  # of a matrix that a thread takes at a time, for a few tokens
SUMS: Any = {"reassoc", "contract", "nsz"}  # a sum may be taken in vector registers


class Activations(NamedTuple):
    """Tokens as bytes: x[k] is about factor[k // columns with one] * signed[k].

    signed: [tokens, columns] of int8, filled up with zeros to whole tiles and LANES. factor: [tokens, groups] of float32. sums: what
    the bytes of each group add up to, [tokens, groups] of int32.
    """

    signed: Array
    factor: Array
    sums: Array


def quantize(x: Array, group: int, up: Array | None = None) -> Activations:
    """The bytes of x, [tokens, columns], in float32 or bfloat16 (as uint16), with a factor for `group` columns.

    With `up`, those of silu(x) * up. Tokens are filled up with zeros to whole tiles.
    """
    tokens, columns = x.shape
    rows, width = -(-tokens // TILE_TOKENS) * TILE_TOKENS, -(-columns // LANES) * LANES
    made = Activations(
        np.empty((rows, width), np.int8),
        np.empty((rows, width // group), np.float32),
        np.empty((rows, width // group), np.int32),
    )
    for array in made:
        array[tokens:] = 0
    if up is None:
        quantize_into(x, group, made)
    else:
        quantize_gated(x, up, group, made)
    return made


@njit(cache=True, parallel=True)
def quantize_into(x: Array, group: int, made: Activations) -> None:
    """Fill `made`; see `quantize`."""
    for t in prange(x.shape[0]):
        quantize_row(x[t], group, made.signed[t], made.factor[t], made.sums[t])


@njit(cache=True, parallel=True)
def quantize_gated(gate: Array, up: Array, group: int, made: Activations) -> None:
    """Fill `made` with silu(gate) * up; see `quantize`."""
    for t in prange(gate.shape[0]):
        quantize_gated_row(gate[t], up[t], group, made.signed[t], made.factor[t], made.sums[t])


@njit(cache=True)
def quantize_gated_row(gate: Array, up: Array, group: int, signed: Array, factor: Array, sums: Array) -> None:
    """The bytes of silu(gate) * up for one token; see `quantize`."""
    inner = np.empty(len(gate), np.float32)
    for k in range(len(gate)):
        inner[k] = silu(widened(gate[k])) * widened(up[k])
    quantize_row(inner, group, signed, factor, sums)


@njit(cache=True)
def quantize_row(x: Array, group: int, signed: Array, factor: Array, sums: Array) -> None:
    """The bytes of one token; see `quantize`."""
    wide, rounded = np.zeros(len(signed), np.float32), np.empty(len(signed), np.int32)
    for k in range(len(x)):
        wide[k] = widened(x[k])
    bits = wide.view(np.int32)
    for index in range(len(factor)):
        start = index * group
        highest = np.int32(0)  # floats without a sign are in the order of their bits
        for k in range(start, start + group):
            highest = max(highest, bits[k] & np.int32(0x7FFFFFFF))
        factor[index] = np.int32(highest).view(np.float32) / np.float32(127)
        inverse = np.float32(1) / factor[index] if highest > 0 else np.float32(0)
        total = np.int32(0)
        for k in range(start, start + group):
            rounded[k] = np.int32(np.rint(wide[k] * inverse))
            total += rounded[k]
        sums[index] = total
    for k in range(len(signed)):
        signed[k] = np.int8(rounded[k])


@njit(cache=True)
def dot_of_vectors(numbers: Array, scale: Array, low: Array, signed: Array, factor: Array, sums: Array) -> Any:
    """The product of a row that `unpack` took apart and one token, in vector registers."""
    return scaled_dot(
        numbers.ctypes.data,
        scale.ctypes.data,
        low.ctypes.data,
        signed.ctypes.data,
        factor.ctypes.data,
        sums.ctypes.data,
        numbers.shape[0] // LANES,
    )


@njit(cache=True)  # in one order, whatever stands around it
def dot_of_runs(numbers: Array, scale: Array, low: Array, signed: Array, factor: Array, sums: Array) -> Any:
    """The same on any processor."""
    total = np.float32(0)
    for run in range(scale.shape[0]):
        part = np.int32(0)
        for k in range(run * RUN, run * RUN + RUN):
            part += np.int32(numbers[k]) * np.int32(signed[k])
        total += (np.float32(part) * scale[run] - np.float32(sums[run]) * low[run]) * factor[run]
    return total


dot = dot_of_vectors if HAS_DOT else dot_of_runs


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_few(kind: int, blocks: Array, bias: Array, x: Activations, out: Array, add: bool) -> None:
    """out[t] = matrix @ x[t] + bias, or that much more of it, for a few tokens; `bias` is [0] for none.

    blocks: [rows, bytes]. x: with a factor for every RUN. out: [tokens, rows] of float32.
    """
    rows, tokens, columns = blocks.shape[0], out.shape[0], x.signed.shape[1]
    for part in prange((rows + ROWS - 1) // ROWS):
        numbers = np.zeros(columns, np.uint8)
        scale, low = np.zeros(columns // RUN, np.float32), np.zeros(columns // RUN, np.float32)
        for row in range(part * ROWS, min((part + 1) * ROWS, rows)):
            unpack(kind, blocks[row], numbers, scale, low)
            for t in range(tokens):
                product = dot(numbers, scale, low, x.signed[t], x.factor[t], x.sums[t])
                if bias.shape[0]:
                    product += bias[row]
                out[t, row] = product + (out[t, row] if add else np.float32(0))


@njit(cache=True)
def fill_panel(kind: int, highest: int, columns: int, blocks: Array, panel: Array, steps: Array) -> None:
    """Round up to TILE_ROWS rows to bytes, for `add_tile`: weight is steps * (byte - 128).

    highest: the highest number in blocks of this kind. panel: [columns / 4 or more, TILE_ROWS] of uint32, each four
    columns of a row. steps: [groups, TILE_ROWS].
    """
    numbers, rounded = np.empty(columns, np.uint8), np.empty(columns, np.uint8)
    scale, low = np.empty(columns // RUN, np.float32), np.empty(columns // RUN, np.float32)
    fours = rounded.view(np.uint32)
    for row in range(blocks.shape[0]):
        unpack(kind, blocks[row], numbers, scale, low)
        for group in range(steps.shape[0]):
            start, end = group * GROUP // RUN, min((group + 1) * GROUP, columns) // RUN
            reach = np.float32(0)  # how far from zero a weight of this group can be
            for run in range(start, end):
                reach = max(reach, abs(low[run]), abs(scale[run] * np.float32(highest) - low[run]))
            step = reach / np.float32(127)
            inverse = np.float32(1) / step if reach > 0 else np.float32(0)
            for run in range(start, end):
                addend = np.float32(128.5) - low[run] * inverse
                place = run * RUN
                rescale_16(numbers.ctypes.data + place, scale[run] * inverse, addend, rounded.ctypes.data + place)
            steps[group, row] = step
        for four in range(columns // 4):
            panel[four, row] = fours[four]


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_many(kind: int, highest: int, columns: int, blocks: Array, bias: Array, x: Activations, out: Array) -> None:
    """out[t] = matrix @ x[t] + bias; `bias` is [0] for none. Only where HAS_DOT.

    highest: see `fill_panel`. blocks: [rows, bytes]. x: with a factor for LANES columns.
    out: [tokens, rows] of float32, or of uint16 for bfloat16.
    """
    rows, tokens = blocks.shape[0], out.shape[0]
    stride, parts = x.signed.shape[1], x.factor.shape[1]
    groups = (columns + GROUP - 1) // GROUP
    first = x.sums * np.int32(-128)
    for part in prange((rows + TILE_ROWS - 1) // TILE_ROWS):
        start, count = part * TILE_ROWS, min(TILE_ROWS, rows - part * TILE_ROWS)
        panel = np.empty((stride // 4, TILE_ROWS), np.uint32)
        steps = np.zeros((groups, TILE_ROWS), np.float32)
        fill_panel(kind, highest, columns, blocks[start : start + count], panel, steps)
        sums = np.empty((TILE_TOKENS, TILE_ROWS), np.float32)
        for token in range(0, tokens, TILE_TOKENS):
            sums[:] = np.float32(0)
            for group in range(groups):
                place = 4 * (token * parts + group * (GROUP // LANES))
                add_tile(
                    panel.ctypes.data + group * GROUP * TILE_ROWS,
                    steps.ctypes.data + 4 * group * TILE_ROWS,
                    x.signed.ctypes.data + token * stride + group * GROUP,
                    stride,
                    first.ctypes.data + place,
                    x.factor.ctypes.data + place,
                    4 * parts,
                    min(GROUP // LANES, parts - group * (GROUP // LANES)),
                    sums.ctypes.data,
                )
            for t in range(min(TILE_TOKENS, tokens - token)):
                for row in range(count):
                    number = sums[t, row] + (bias[start + row] if bias.shape[0] else np.float32(0))
                    out[token + t, start + row] = narrowed(number, out[token + t, start + row])
