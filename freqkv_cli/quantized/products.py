"""Products with a matrix of blocks, in integers: activations become bytes, as many sums as there are groups are exact.

Activations are int8 with a factor for every GROUP of each token, so one outlier costs its own group alone, and what a
token comes to does not depend on the tokens beside it. For a few tokens the weights are taken as they are in the
blocks. For many they are rounded to bytes too, with a scale for every GROUP of each row, once for all tokens: a panel
of rows at a time, which stays in the processor's cache and nowhere else.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from freqkv_cli.quantized.blocks import RUN, unpack
from freqkv_cli.quantized.stored import narrowed, widened
from freqkv_cli.quantized.vectors import HAS_DOT, TILE_ROWS, TILE_TOKENS, add_tile, rescale_16, scaled_dot

Array = NDArray[Any]

GROUP = 256  # neighbouring columns with one factor: a block of the K types
LANES = 64  # columns are filled up to a multiple of so many
ROWS = 32  # of a matrix that a thread takes at a time
SUMS: Any = {"reassoc", "contract", "nsz"}  # a sum may be taken in vector registers


class Activations(NamedTuple):
    """Tokens as bytes: x[k] is about factor[k // GROUP] * signed[k].

    signed: [tokens, columns] of int8, filled up with zeros to whole tiles and LANES. factor: [tokens, groups], fp32.
    first: [tokens, groups] of int32, -128 times the sum of each group.
    """

    signed: Array
    factor: Array
    first: Array


def quantize(x: Array) -> Activations:
    """The bytes of x, [tokens, columns], a multiple of 32, in float32 or bfloat16 (as uint16)."""
    tokens, columns = x.shape
    rows, groups = -(-tokens // TILE_TOKENS) * TILE_TOKENS, -(-columns // GROUP)
    made = Activations(
        np.empty((rows, -(-columns // LANES) * LANES), np.int8),
        np.empty((rows, groups), np.float32),
        np.empty((rows, groups), np.int32),
    )
    quantize_into(x, made)
    return made


@njit(cache=True, fastmath=SUMS, parallel=True)
def quantize_into(x: Array, made: Activations) -> None:
    """Fill `made`; see `quantize`."""
    for t in prange(made.signed.shape[0]):
        quantize_row(x, t, made)


@njit(cache=True, fastmath=SUMS)
def quantize_row(x: Array, t: int, made: Activations) -> None:
    """Fill the row of one token; see `quantize`."""
    tokens, columns = x.shape
    signed = made.signed[t]
    signed[columns:] = 0
    wide = np.zeros(GROUP, np.float32)
    bits = wide.view(np.int32)
    for group in range(made.factor.shape[1]):
        start, count = group * GROUP, min(GROUP, columns - group * GROUP)
        if t < tokens:
            row = x[t, start : start + count]
            for k in range(count):
                wide[k] = widened(row[k])
        highest = np.int32(0)  # floats without a sign are in the order of their bits
        for k in range(count):
            highest = max(highest, bits[k] & np.int32(0x7FFFFFFF))
        factor = np.int32(highest).view(np.float32) / np.float32(127)
        inverse = np.float32(1) / factor if highest > 0 else np.float32(0)
        total = np.int32(0)
        part = signed[start : start + count]
        for k in range(count):
            number = np.int32(np.rint(wide[k] * inverse))
            part[k] = np.int8(number)
            total += number
        made.factor[t, group] = factor
        made.first[t, group] = -128 * total


@njit(cache=True)
def add_up_runs(x: Activations, tokens: int, runs: int) -> Array:
    """What the bytes of each RUN add up to, times their factor: [tokens, runs]."""
    sums = np.empty((tokens, runs), np.float32)
    for t in range(tokens):
        for run in range(runs):
            part = np.int32(0)
            for k in range(run * RUN, run * RUN + RUN):
                part += np.int32(x.signed[t, k])
            sums[t, run] = x.factor[t, run * RUN // GROUP] * np.float32(part)
    return sums


@njit(cache=True)
def dot_of_vectors(numbers: Array, scale: Array, signed: Array, factor: Array) -> Any:
    """The sum of numbers * scale * signed * factor, each spread over its columns, in vector registers."""
    count = numbers.shape[0] // LANES
    return scaled_dot(numbers.ctypes.data, signed.ctypes.data, scale.ctypes.data, factor.ctypes.data, count)


@njit(cache=True, fastmath=SUMS)
def dot_of_runs(numbers: Array, scale: Array, signed: Array, factor: Array) -> Any:
    """The same on any processor."""
    total = np.float32(0)
    for run in range(numbers.shape[0] // RUN):
        part = np.int32(0)
        for k in range(run * RUN, run * RUN + RUN):
            part += np.int32(numbers[k]) * np.int32(signed[k])
        total += np.float32(part) * (scale[run] * factor[run * RUN // GROUP])
    return total


dot_numbers = dot_of_vectors if HAS_DOT else dot_of_runs


@njit(cache=True, fastmath=SUMS)
def dot_lows(low: Array, runs: Array) -> Any:
    """What the lows of a row come to."""
    total = np.float32(0)
    for run in range(runs.shape[0]):
        total += low[run] * runs[run]
    return total


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_few(kind: int, blocks: Array, bias: Array, x: Activations, out: Array, add: bool) -> None:
    """out[t] = matrix @ x[t] + bias, or that much more of it, for a few tokens; `bias` is [0] for none.

    blocks: [rows, bytes]. out: [tokens, rows] of float32.
    """
    rows, tokens, columns = blocks.shape[0], out.shape[0], x.signed.shape[1]
    runs = add_up_runs(x, tokens, columns // RUN)
    for part in prange((rows + ROWS - 1) // ROWS):
        numbers = np.zeros(columns, np.uint8)
        scale, low = np.zeros(columns // RUN, np.float32), np.zeros(columns // RUN, np.float32)
        for row in range(part * ROWS, min((part + 1) * ROWS, rows)):
            unpack(kind, blocks[row], numbers, scale, low)
            for t in range(tokens):
                product = dot_numbers(numbers, scale, x.signed[t], x.factor[t]) - dot_lows(low, runs[t])
                if bias.shape[0]:
                    product += bias[row]
                out[t, row] = product + (out[t, row] if add else np.float32(0))


@njit(cache=True)
def fill_panel(kind: int, highest: int, blocks: Array, panel: Array, steps: Array) -> None:
    """Round up to TILE_ROWS rows to bytes, for `add_tile`: weight is steps * (byte - 128).

    highest: the highest number in blocks of this kind. panel: [columns / 4, TILE_ROWS] of uint32, each four columns of
    a row. steps: [groups, TILE_ROWS].
    """
    columns = panel.shape[0] * 4
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

    highest: see `fill_panel`. blocks: [rows, bytes]. out: [tokens, rows] of float32, or of uint16 for bfloat16.
    """
    rows, tokens = blocks.shape[0], out.shape[0]
    groups, stride = x.factor.shape[1], x.signed.shape[1]
    for part in prange((rows + TILE_ROWS - 1) // TILE_ROWS):
        start, count = part * TILE_ROWS, min(TILE_ROWS, rows - part * TILE_ROWS)
        panel = np.empty((columns // 4, TILE_ROWS), np.uint32)
        steps = np.zeros((groups, TILE_ROWS), np.float32)
        fill_panel(kind, highest, blocks[start : start + count], panel, steps)
        sums = np.empty((TILE_TOKENS, TILE_ROWS), np.float32)
        for token in range(0, tokens, TILE_TOKENS):
            sums[:] = np.float32(0)
            for group in range(groups):
                add_tile(
                    panel.ctypes.data + group * GROUP * TILE_ROWS,
                    steps.ctypes.data + 4 * group * TILE_ROWS,
                    x.signed.ctypes.data + token * stride + group * GROUP,
                    stride,
                    x.first.ctypes.data + 4 * (token * groups + group),
                    x.factor.ctypes.data + 4 * (token * groups + group),
                    4 * groups,
                    (min(columns, (group + 1) * GROUP) - group * GROUP) // 4,
                    sums.ctypes.data,
                )
            for t in range(min(TILE_TOKENS, tokens - token)):
                for row in range(count):
                    number = sums[t, row] + (bias[start + row] if bias.shape[0] else np.float32(0))
                    out[token + t, start + row] = narrowed(number, out[token + t, start + row])
