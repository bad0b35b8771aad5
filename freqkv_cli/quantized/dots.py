"""Dot products of bytes, 64 at once, by an instruction that processors have since AVX-512 VNNI (vpdpbusd).

Everything here but HAS_DOT and the sizes is for processors that have it. Addresses are as in vectors.py.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils

from freqkv_cli.quantized.vectors import (
    BYTES,
    F32,
    FLOATS,
    I8,
    I32,
    I64,
    INTS,
    Value,
    after,
    fill,
    load,
    spread,
    step,
    store,
)

_FEATURES = llvm.get_host_cpu_features()
HAS_DOT = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512vnni"))
TILE_ROWS, TILE_TOKENS = 32, 6  # of `add_tile`: 2 x 6 sums of 16 lanes, in integers and in floats: 24 of 32 registers


def _dot(b: Any, sums: Value, unsigned: Value, signed: Value) -> Value:
    """Add four products of neighbouring bytes to each lane."""
    kind = BYTES if llvm.llvm_version_info >= (22,) else INTS
    function = cgutils.get_or_insert_function(
        b.module, ir.FunctionType(INTS, [INTS, kind, kind]), "llvm.x86.avx512.vpdpbusd.512"
    )
    return b.call(function, [sums, b.bitcast(unsigned, kind), b.bitcast(signed, kind)])


def _loop(b: Any, count: Value, state: list[Value], body: Callable[[Value, list[Value]], list[Value]]) -> list[Value]:
    """Let `body` (index, state) make the next state, `count` times, at least once."""
    start, loop, end = b.block, b.append_basic_block("loop"), b.append_basic_block("end")
    b.branch(loop)
    b.position_at_end(loop)
    index, here = b.phi(I64), [b.phi(value.type) for value in state]
    following = body(index, here)
    index.add_incoming(I64(0), start)
    index.add_incoming(b.add(index, I64(1)), b.block)
    for phi, first, later in zip(here, state, following, strict=True):
        phi.add_incoming(first, start)
        phi.add_incoming(later, b.block)
    b.cbranch(b.icmp_signed("<", index.incomings[1][0], count), loop, end)
    b.position_at_end(end)
    return following


def _add_up(b: Any, vector: Value) -> Value:
    """The sum of all lanes, always in the same order."""
    while vector.type.count > 1:
        half = vector.type.count // 2
        parts = ([start + lane for lane in range(half)] for start in (0, half))
        none, kind = ir.Constant(vector.type, ir.Undefined), ir.VectorType(I32, half)
        vector = b.fadd(*(b.shuffle_vector(vector, none, ir.Constant(kind, part)) for part in parts))
    return b.extract_element(vector, I32(0))


def _quarters(b: Any, four: Value) -> Value:
    """Each of four numbers in four lanes."""
    return b.shuffle_vector(four, ir.Constant(four.type, ir.Undefined), ir.Constant(INTS, [n // 4 for n in range(16)]))


def _add_scaled(b: Any, total: Value, products: Value, scales: Value) -> Value:
    return b.fadd(total, b.fmul(b.sitofp(products, FLOATS), scales, flags=("contract",)), flags=("contract",))


@step(types.float32)
def scaled_dot(
    b: Any, numbers: Value, scale: Value, low: Value, signed: Value, factor: Value, sums: Value, count: Value
) -> Value:
    """The product of `count` times 64 weights (see blocks.unpack) and activations (see products.Activations)."""
    four = ir.VectorType(F32, 4)

    def body(index: Value, state: list[Value]) -> list[Value]:
        at, quarter = b.mul(index, I64(64)), b.mul(index, I64(16))
        products = _dot(b, fill(INTS, 0), *(load(b, b.add(place, at), INTS) for place in (numbers, signed)))
        scales, lows, factors, added = (load(b, b.add(place, quarter), four) for place in (scale, low, factor, sums))
        return [
            _add_scaled(b, state[0], products, _quarters(b, b.fmul(scales, factors))),
            b.fadd(state[1], b.fmul(added, lows, flags=("contract",)), flags=("contract",)),
        ]

    products, lows = _loop(b, count, [fill(FLOATS, 0), fill(four, 0)], body)
    return b.fsub(_add_up(b, products), _add_up(b, lows))


def _sixes(b: Any, block: Value) -> tuple[Value, Value]:
    """The eight scales and the eight lows of a block of Q4_K, without their factors; see blocks.unpack_mixed."""
    first, second, third = (load(b, after(b, block, 4 + 4 * word), I32) for word in range(3))

    def joined(lower: Value, fourth: Value) -> Value:
        six = b.and_(lower, I32(0x3F3F3F3F))
        upper = b.or_(b.and_(fourth, I32(0x0F0F0F0F)), b.shl(b.and_(b.lshr(lower, I32(6)), I32(0x03030303)), I32(4)))
        both = ir.Constant(ir.VectorType(I32, 2), ir.Undefined)
        both = b.insert_element(b.insert_element(both, six, I32(0)), upper, I32(1))
        return b.uitofp(b.bitcast(both, ir.VectorType(I8, 8)), ir.VectorType(F32, 8))

    return joined(first, third), joined(second, b.lshr(third, I32(4)))


@step(types.float32)
def dot_q4_k(b: Any, row: Value, signed: Value, factor: Value, sums: Value, count: Value) -> Value:
    """`scaled_dot` for `count` blocks of Q4_K, out of which nothing is stored on the way."""
    half, double, four_floats = ir.VectorType(I8, 32), ir.VectorType(ir.IntType(16), 32), ir.VectorType(F32, 4)
    shifts = ir.Constant(double, [0] * 16 + [4] * 16)

    def body(index: Value, state: list[Value]) -> list[Value]:
        block, at = b.add(row, b.mul(index, I64(144))), b.mul(index, I64(256))
        halves = (b.fpext(load(b, after(b, block, place), ir.HalfType()), F32) for place in (0, 2))
        scales, lows = (b.fmul(six, spread(b, one, 8)) for six, one in zip(_sixes(b, block), halves, strict=True))
        none, total = ir.Constant(scales.type, ir.Undefined), state[0]
        places = b.add(factor, b.mul(index, I64(64)))
        for part in range(4):
            digits = load(b, after(b, block, 16 + 32 * part), half)
            twice = b.shuffle_vector(digits, digits, ir.Constant(ir.VectorType(I32, 64), [*range(32), *range(32)]))
            numbers = b.and_(b.bitcast(b.lshr(b.bitcast(twice, double), shifts), BYTES), fill(BYTES, 15))
            products = _dot(b, fill(INTS, 0), numbers, load(b, b.add(signed, after(b, at, 64 * part)), INTS))
            two = ir.Constant(ir.VectorType(I32, 4), [2 * part, 2 * part, 2 * part + 1, 2 * part + 1])
            four = b.fmul(b.shuffle_vector(scales, none, two), load(b, after(b, places, 16 * part), four_floats))
            total = _add_scaled(b, total, products, _quarters(b, four))
        each = b.shuffle_vector(lows, none, ir.Constant(INTS, [lane // 2 for lane in range(16)]))
        added = load(b, b.add(sums, b.mul(index, I64(64))), FLOATS)
        return [total, b.fadd(state[1], b.fmul(added, each, flags=("contract",)), flags=("contract",))]

    products, lows = _loop(b, count, [fill(FLOATS, 0)] * 2, body)
    return _add_up(b, b.fsub(products, lows))


@step()
def add_tile(
    b: Any,
    panel: Value,
    scale: Value,
    signed: Value,
    stride: Value,
    first: Value,
    factor: Value,
    distance: Value,
    count: Value,
    sums: Value,
) -> None:
    """Add the products of TILE_ROWS rows with TILE_TOKENS tokens, over `count` times 64 columns, to `sums`.

    panel: [16 * count, TILE_ROWS, 4] of uint8. scale: [TILE_ROWS] of float32. signed: the int8 of the first token;
    those of the next are `stride` bytes further on. first, factor: [count] of int32 that its integer sums of 64 columns
    begin with and of float32 that they are multiplied by; those of the next are `distance` bytes further on.
    sums: [TILE_TOKENS, TILE_ROWS] of float32.
    """
    vectors, tokens = range(TILE_ROWS // 16), range(TILE_TOKENS)

    def per_token(place: Value, group: Value, kind: Any) -> list[Value]:
        here = b.add(place, b.mul(group, I64(4)))
        return [spread(b, load(b, b.add(here, b.mul(distance, I64(t))), kind)) for t in tokens]

    def add_group(group: Value, totals: list[Value]) -> list[Value]:
        columns = b.add(signed, b.mul(group, I64(64)))
        rows = b.add(panel, b.mul(group, I64(64 * TILE_ROWS)))

        def add_four(index: Value, state: list[Value]) -> list[Value]:
            here, column = b.add(rows, b.mul(index, I64(4 * TILE_ROWS))), b.add(columns, b.mul(index, I64(4)))
            weights = [load(b, after(b, here, 64 * v), INTS) for v in vectors]
            following = []
            for t in tokens:
                four = spread(b, load(b, b.add(column, b.mul(stride, I64(t))), I32))
                following += [_dot(b, state[len(vectors) * t + v], weights[v], four) for v in vectors]
            return following

        begin = [sums for sums in per_token(first, group, I32) for _ in vectors]
        products = _loop(b, I64(16), begin, add_four)
        factors = [one for one in per_token(factor, group, F32) for _ in vectors]
        return [
            b.fadd(total, b.fmul(b.sitofp(product, FLOATS), one, flags=("contract",)), flags=("contract",))
            for total, product, one in zip(totals, products, factors, strict=True)
        ]

    totals = _loop(b, count, [fill(FLOATS, 0)] * (len(vectors) * len(tokens)), add_group)
    scales = [load(b, after(b, scale, 64 * v), FLOATS) for v in vectors]
    for number, total in enumerate(totals):
        place = after(b, sums, 64 * number)
        product = b.fmul(total, scales[number % len(vectors)], flags=("contract",))
        store(b, b.fadd(load(b, place, FLOATS), product, flags=("contract",)), place)
