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

from freqkv_cli.quantized.blocks import Q4_K, Q6_K, RUN, unpack
from freqkv_cli.quantized.dots import HAS_DOT, TILE_ROWS, TILE_TOKENS, add_tile, dot_q4_k, dot_q6_k, scaled_dot
from freqkv_cli.quantized.floats import SUMS, narrowed, silu, widened
from freqkv_cli.quantized.vectors import rescale_256, round_16, round_64, transpose_16

Array = NDArray[Any]

GROUP = 256  # columns of a row with one scale when it is rounded to bytes: a block of the K types
LANES = 64  # columns with one factor when many tokens are rounded to bytes; all are filled up to a multiple of it
ROWS = 32  # of a matrix that a thread takes at a time, for a few tokens


class Activations(NamedTuple):
    """Tokens as bytes: x[k] is about factor[k // columns with one] * signed[k].

    signed: [tokens, columns] of int8, filled up with zeros to whole tiles and LANES. factor: [tokens, groups], fp32.
    sums: what the bytes of each group add up to, [tokens, groups]: int32 where these are LANES; where they are RUNs,
    float32, times the factor.
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
        np.empty((rows, width // group), np.float32 if group == RUN else np.int32),
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
    """The bytes of one token; `group` is RUN or LANES. See `quantize`."""
    wide = np.zeros(len(signed), np.float32)
    for k in range(len(x)):
        wide[k] = widened(x[k])
    for index in range(len(factor)):
        start = index * group
        places = wide.ctypes.data + 4 * start, signed.ctypes.data + start
        if group == RUN:
            round_16(*places, factor.ctypes.data + 4 * index, sums.ctypes.data + 4 * index)
        else:
            round_64(*places, factor.ctypes.data + 4 * index, sums.ctypes.data + 4 * index)


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
        total += np.float32(part) * scale[run] * factor[run] - sums[run] * low[run]
    return total


dot = dot_of_vectors if HAS_DOT else dot_of_runs


@njit(cache=True)
def dot_in_place(kind: int, row: Array, signed: Array, factor: Array, sums: Array) -> Any:
    """The product of a row of Q4_K or Q6_K and one token."""
    places = row.ctypes.data, signed.ctypes.data, factor.ctypes.data, sums.ctypes.data
    return dot_q4_k(*places, row.shape[0] // 144) if kind == Q4_K else dot_q6_k(*places, row.shape[0] // 210)


@njit(cache=True)
def dot_nowhere(kind: int, row: Array, signed: Array, factor: Array, sums: Array) -> Any:
    """Stands where there is no `dot_in_place`."""
    return np.float32(np.nan)


dot_row = dot_in_place if HAS_DOT else dot_nowhere


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
            in_place = HAS_DOT and (kind in (Q4_K, Q6_K))
            if not in_place:
                unpack(kind, blocks[row], numbers, scale, low)
            for t in range(tokens):
                if in_place:
                    product = dot_row(kind, blocks[row], x.signed[t], x.factor[t], x.sums[t])
                else:
                    product = dot(numbers, scale, low, x.signed[t], x.factor[t], x.sums[t])
                if bias.shape[0]:
                    product += bias[row]
                out[t, row] = product + (out[t, row] if add else np.float32(0))


@njit(cache=True)
def fill_panel(kind: int, highest: int, blocks: Array, panel: Array, steps: Array) -> None:
    """Round up to TILE_ROWS rows to bytes, for `add_tile`: weight is steps * (byte - 128).

    highest: the highest number in blocks of this kind. panel: [columns / 4, TILE_ROWS] of uint32, each four columns
    of a row, in whole LANES. steps: [groups, TILE_ROWS].
    """
    whole = steps.shape[0] * GROUP
    numbers, rounded = np.zeros(whole, np.uint8), np.empty((TILE_ROWS, whole), np.uint8)
    scale, low = np.zeros(whole // RUN, np.float32), np.zeros(whole // RUN, np.float32)
    one = np.empty(1, np.float32)
    for row in range(blocks.shape[0]):
        unpack(kind, blocks[row], numbers, scale, low)
        for group in range(steps.shape[0]):
            rescale_256(
                numbers.ctypes.data + group * GROUP,
                scale.ctypes.data + group * GROUP // RUN * 4,
                low.ctypes.data + group * GROUP // RUN * 4,
                np.float32(highest),
                rounded.ctypes.data + row * whole + group * GROUP,
                one.ctypes.data,
            )
            steps[group, row] = one[0]
    for part in range(TILE_ROWS // 16):
        for sixteen in range(panel.shape[0] // 16):
            transpose_16(
                rounded.ctypes.data + part * 16 * whole + sixteen * 64,
                whole,
                panel.ctypes.data + sixteen * 64 * TILE_ROWS + part * 64,
                4 * TILE_ROWS,
            )


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_many(kind: int, highest: int, blocks: Array, bias: Array, x: Activations, out: Array) -> None:
    """out[t] = matrix @ x[t] + bias; `bias` is [0] for none. Only where HAS_DOT.

    highest: see `fill_panel`. blocks: [rows, bytes]. x: with a factor for LANES columns.
    out: [tokens, rows] of float32, or of uint16 for bfloat16.
    """
    rows, tokens = blocks.shape[0], out.shape[0]
    stride, parts = x.signed.shape[1], x.factor.shape[1]
    groups = (stride + GROUP - 1) // GROUP
    first = x.sums * np.int32(-128)
    for part in prange((rows + TILE_ROWS - 1) // TILE_ROWS):
        start, count = part * TILE_ROWS, min(TILE_ROWS, rows - part * TILE_ROWS)
        panel = np.empty((stride // 4, TILE_ROWS), np.uint32)
        steps = np.zeros((groups, TILE_ROWS), np.float32)
        fill_panel(kind, highest, blocks[start : start + count], panel, steps)
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
