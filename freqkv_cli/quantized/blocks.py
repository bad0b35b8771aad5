"""The blocks of a GGUF file: how eight of its types keep a row of weights (ggml-common.h and ggml-quants.c of ggml).

A row is taken apart into small unsigned numbers with two factors for every RUN of them: weight = scale * number - low.
All types come to that, so whoever multiplies knows of none.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqkv_cli.quantized.vectors import add_bits, make_unsigned, split_16, split_16_fifth, split_32, widen_16

Array = NDArray[Any]

RUN = 16  # neighbouring weights that share scale and low; the smallest that a type has
# What the file calls each type: number in GGUF, weights in a block, bytes of a block.
Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K = 2, 3, 6, 7, 8, 12, 13, 14
LAYOUTS = {
    Q4_0: (32, 18),
    Q4_1: (32, 20),
    Q5_0: (32, 22),
    Q5_1: (32, 24),
    Q8_0: (32, 34),
    Q4_K: (256, 144),
    Q5_K: (256, 176),
    Q6_K: (256, 210),
}


def row_bytes(kind: int, columns: int) -> int:
    """The bytes of a row of `columns` weights."""
    weights, size = LAYOUTS[kind]
    return columns // weights * size


HIGHEST = {Q4_0: 15, Q4_1: 15, Q5_0: 31, Q5_1: 31, Q8_0: 255, Q4_K: 15, Q5_K: 31, Q6_K: 63}  # numbers of `unpack`


@njit(cache=True)
def half(block: Array, at: int) -> Any:
    """The 16-bit float at a byte of a block, as float32; it must be finite."""
    bits = np.uint32(block[at]) | (np.uint32(block[at + 1]) << np.uint32(8))
    exponent = (bits >> np.uint32(10)) & np.uint32(31)
    digits = (bits & np.uint32(1023)) | (min(exponent, np.uint32(1)) << np.uint32(10))
    power = (max(exponent, np.uint32(1)) + np.uint32(102)) << np.uint32(23)  # as a float32: 2 ** (exponent - 25)
    sign = (bits & np.uint32(0x8000)) << np.uint32(16)
    return np.float32(digits) * np.uint32(power | sign).view(np.float32)


@njit(cache=True)
def fill(scale: Array, low: Array, at: int, one: Any, other: Any) -> None:
    """The factors of 32 weights that share them, from run `at` on."""
    scale[at] = scale[at + 1] = one
    low[at] = low[at + 1] = other


@njit(cache=True, inline="always")
def unpack_nibbles(size: int, fifth: bool, middle: int, row: Array, numbers: Array, scale: Array, low: Array) -> None:
    """A row of a type with blocks of 32 weights in `size` bytes; see `unpack`.

    fifth: their fifth bits stand before the others. middle: the number that means zero; 0 where the block says it.
    """
    for index in range(row.shape[0] // size):
        block = row[index * size : index * size + size]
        source, target = block.ctypes.data, numbers.ctypes.data + 32 * index
        if fifth:
            split_16_fifth(source + (size - 16), source + (size - 20), target)
        else:
            split_16(source + (size - 16), target)
        factor = half(block, 0)
        fill(scale, low, 2 * index, factor, factor * np.float32(middle) if middle else -half(block, 2))


@njit(cache=True)
def unpack_bytes(row: Array, numbers: Array, scale: Array, low: Array) -> None:
    """A row of Q8_0; see `unpack`."""
    for index in range(row.shape[0] // 34):
        block = row[index * 34 : index * 34 + 34]
        make_unsigned(block.ctypes.data + 2, numbers.ctypes.data + 32 * index)
        factor = half(block, 0)
        fill(scale, low, 2 * index, factor, factor * np.float32(128))


@njit(cache=True)
def unpack_mixed(kind: int, row: Array, numbers: Array, scale: Array, low: Array) -> None:
    """A row of Q4_K or Q5_K, whose 256 weights have eight scales and lows of six bits; see `unpack`."""
    size = 144 if kind == Q4_K else 176
    for index in range(row.shape[0] // size):
        block = row[index * size : index * size + size]
        source, target = block.ctypes.data, numbers.ctypes.data + 256 * index
        for part in range(4):
            split_32(source + size - 128 + 32 * part, target + 64 * part)
        if kind == Q5_K:
            for bit in range(8):
                add_bits(source + 16, bit, target + 32 * bit)
        factor, step = half(block, 0), half(block, 2)
        six = block[4:16]
        for j in range(4):
            fill(scale, low, 16 * index + 2 * j, factor * np.float32(six[j] & 63), step * np.float32(six[j + 4] & 63))
            one = (six[j + 8] & 15) | ((six[j] >> 6) << 4)
            other = (six[j + 8] >> 4) | ((six[j + 4] >> 6) << 4)
            fill(scale, low, 16 * index + 8 + 2 * j, factor * np.float32(one), step * np.float32(other))


@njit(cache=True)
def unpack_six(row: Array, numbers: Array, scale: Array, low: Array) -> None:
    """A row of Q6_K; see `unpack`."""
    for index in range(row.shape[0] // 210):
        block, out = row[index * 210 : index * 210 + 210], numbers[256 * index : 256 * index + 256]
        for half_block in range(2):
            digits, highest = block[64 * half_block : 64 * half_block + 64], block[128 + 32 * half_block :]
            part = out[128 * half_block : 128 * half_block + 128]
            for k in range(32):
                upper = highest[k]
                part[k] = (digits[k] & 15) | ((upper & 3) << 4)
                part[k + 32] = (digits[k + 32] & 15) | (((upper >> 2) & 3) << 4)
                part[k + 64] = (digits[k] >> 4) | (((upper >> 4) & 3) << 4)
                part[k + 96] = (digits[k + 32] >> 4) | ((upper >> 6) << 4)
        factor = half(block, 208)
        for j in range(16):
            one = factor * np.float32(np.int8(block[192 + j]))
            scale[16 * index + j] = one
            low[16 * index + j] = one * np.float32(32)


@njit(cache=True)
def unpack(kind: int, row: Array, numbers: Array, scale: Array, low: Array) -> None:
    """Take a row apart: weight k is scale[k // RUN] * numbers[k] - low[k // RUN].

    row: the bytes. numbers: [columns] of uint8. scale, low: [columns / RUN] of float32. All may be longer.
    """
    if kind in (Q4_K, Q5_K):
        unpack_mixed(kind, row, numbers, scale, low)
    elif kind == Q6_K:
        unpack_six(row, numbers, scale, low)
    elif kind == Q8_0:
        unpack_bytes(row, numbers, scale, low)
    elif kind == Q4_0:
        unpack_nibbles(18, False, 8, row, numbers, scale, low)
    elif kind == Q4_1:
        unpack_nibbles(20, False, 0, row, numbers, scale, low)
    elif kind == Q5_0:
        unpack_nibbles(22, True, 16, row, numbers, scale, low)
    elif kind == Q5_1:
        unpack_nibbles(24, True, 0, row, numbers, scale, low)


@njit(cache=True)
def widen(numbers: Array, scale: Array, low: Array, out: Array) -> None:
    """The weights of a row that `unpack` took apart, in float32."""
    for run in range(out.shape[0] // RUN):
        place = run * RUN
        widen_16(numbers.ctypes.data + place, scale[run], -low[run], out.ctypes.data + 4 * place)


@njit(cache=True)
def dequantize(kind: int, blocks: Array, rows: Array, out: Array) -> None:
    """Some rows of a matrix in float32. blocks: [all rows, bytes]. rows: their numbers. out: [rows, columns]."""
    columns = out.shape[1]
    numbers = np.empty(columns, np.uint8)
    scale, low = np.empty(columns // RUN, np.float32), np.empty(columns // RUN, np.float32)
    for index in range(rows.shape[0]):
        unpack(kind, blocks[rows[index]], numbers, scale, low)
        widen(numbers, scale, low, out[index])
