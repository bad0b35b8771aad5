"""A few tokens times a matrix, which is stored as numbers or in the blocks of a GGUF file."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange, types
from numba.extending import overload
from numpy.typing import NDArray

from freqkv_cli.quantized.blocks import RUN
from freqkv_cli.quantized.floats import SUMS, dot, silu, widened
from freqkv_cli.quantized.products import Activations, multiply_few, quantize_row

Array = NDArray[Any]

ROWS = 32  # of a matrix that a thread takes at a time


class Blocks(NamedTuple):
    """A matrix in blocks: its type's number in GGUF, and the bytes of its rows."""

    kind: int
    rows: Array


@njit(cache=True, fastmath=SUMS)
def two_dots(stored: Array, x: Array, y: Array) -> Any:
    """`dot` with `x` and with `y`, added up in the same order."""
    first = second = np.float32(0)
    for k in range(x.shape[0]):
        number = widened(stored[k])
        first += number * x[k]
        second += number * y[k]
    return first, second


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_stored(weight: Array, bias: Array, x: Array, out: Array, add: bool) -> None:
    """out[t] = weight @ x[t] + bias, or that much more of it."""
    rows, tokens = weight.shape[0], x.shape[0]
    for block in prange((rows + ROWS - 1) // ROWS):
        first, end = block * ROWS, min((block + 1) * ROWS, rows)
        for t in range(0, tokens - 1, 2):
            for row in range(first, end):
                one, other = two_dots(weight[row], x[t], x[t + 1])
                out[t, row] = one + (out[t, row] if add else np.float32(0))
                out[t + 1, row] = other + (out[t + 1, row] if add else np.float32(0))
        if tokens % 2:
            for row in range(first, end):
                out[tokens - 1, row] = dot(weight[row], x[tokens - 1]) + (
                    out[tokens - 1, row] if add else np.float32(0)
                )
        if bias.shape[0]:
            for t in range(tokens):
                for row in range(first, end):
                    out[t, row] += bias[row]


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_gated_stored(gate: Array, up: Array, x: Array, out: Array) -> None:
    """out[t] = silu(gate @ x[t]) * (up @ x[t])."""
    rows, tokens = gate.shape[0], x.shape[0]
    for block in prange((rows + ROWS - 1) // ROWS):
        first, end = block * ROWS, min((block + 1) * ROWS, rows)
        for t in range(0, tokens - 1, 2):
            for row in range(first, end):
                one, other = two_dots(gate[row], x[t], x[t + 1])
                upper, lower = two_dots(up[row], x[t], x[t + 1])
                out[t, row] = silu(one) * upper
                out[t + 1, row] = silu(other) * lower
        if tokens % 2:
            for row in range(first, end):
                out[tokens - 1, row] = silu(dot(gate[row], x[tokens - 1])) * dot(up[row], x[tokens - 1])


@njit(cache=True)
def in_bytes(x: Array) -> Activations:
    """A few tokens, [tokens, columns], as bytes with a factor for every RUN."""
    tokens, columns = x.shape[0], (x.shape[1] + 63) // 64 * 64
    runs = columns // RUN
    made = Activations(
        np.empty((tokens, columns), np.int8), np.empty((tokens, runs), np.float32), np.empty((tokens, runs), np.float32)
    )
    for t in range(tokens):
        quantize_row(x[t], RUN, made.signed[t], made.factor[t], made.sums[t])
    return made


@njit(cache=True)
def multiply_blocks(weight: Blocks, bias: Array, x: Array, out: Array, add: bool) -> None:
    """`multiply_stored` with a matrix in blocks."""
    multiply_few(weight.kind, weight.rows, bias, in_bytes(x), out, add)


@njit(cache=True, fastmath=SUMS)
def multiply_gated_blocks(gate: Blocks, up: Blocks, x: Array, out: Array) -> None:
    """`multiply_gated_stored` with matrices in blocks."""
    made, upper, none = in_bytes(x), np.empty_like(out), x[0, :0]
    multiply_few(gate.kind, gate.rows, none, made, out, False)
    multiply_few(up.kind, up.rows, none, made, upper, False)
    for t in range(out.shape[0]):
        for row in range(out.shape[1]):
            out[t, row] = silu(out[t, row]) * upper[t, row]


def multiply(weight: Any, bias: Array, x: Array, out: Array, add: bool) -> None:
    """out[t] = weight @ x[t] + bias, or that much more of it (compiled code only)."""
    raise NotImplementedError


@overload(multiply)
def _multiply(weight, bias, x, out, add):  # type: ignore[no-untyped-def]
    way = multiply_stored if isinstance(weight, types.Array) else multiply_blocks
    return lambda weight, bias, x, out, add: way(weight, bias, x, out, add)


def multiply_gated(gate: Any, up: Any, x: Array, out: Array) -> None:
    """out[t] = silu(gate @ x[t]) * (up @ x[t]) (compiled code only)."""
    raise NotImplementedError


@overload(multiply_gated)
def _multiply_gated(gate, up, x, out):  # type: ignore[no-untyped-def]
    way = multiply_gated_stored if isinstance(gate, types.Array) else multiply_gated_blocks
    return lambda gate, up, x, out: way(gate, up, x, out)
