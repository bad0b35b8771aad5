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


def _half(b: Any, address: Value, lanes: int) -> Value:
    return spread(b, b.fpext(load(b, address, ir.HalfType()), F32), lanes)


def _twice(b: Any, address: Value, up: tuple[int, int] = (0, 0), down: tuple[int, int] = (0, 0)) -> Value:
    """32 bytes, and the same again; shifted in pairs, up or down by so many bits."""
    once = load(b, address, ir.VectorType(I8, 32))
    both = b.shuffle_vector(once, once, ir.Constant(ir.VectorType(I32, 64), [*range(32), *range(32)]))
    pairs = ir.VectorType(ir.IntType(16), 32)
    for shift, bits in ((b.shl, up), (b.lshr, down)):
        if any(bits):
            both = b.bitcast(
                shift(b.bitcast(both, pairs), ir.Constant(pairs, [n for n in bits for _ in range(16)])), BYTES
            )
    return both


def _parts_q4_k(b: Any, block: Value) -> tuple[list[Value], Value, Value]:
    """The numbers of a block of Q4_K, four times 64, its scales and lows for each of 16; see blocks.unpack_mixed."""
    first, second, third = (load(b, after(b, block, 4 + 4 * word), I32) for word in range(3))

    def sixes(lower: Value, fourth: Value) -> Value:
        six = b.and_(lower, I32(0x3F3F3F3F))
        upper = b.or_(b.and_(fourth, I32(0x0F0F0F0F)), b.shl(b.and_(b.lshr(lower, I32(6)), I32(0x03030303)), I32(4)))
        both = ir.Constant(ir.VectorType(I32, 2), ir.Undefined)
        both = b.insert_element(b.insert_element(both, six, I32(0)), upper, I32(1))
        return b.uitofp(b.bitcast(both, ir.VectorType(I8, 8)), ir.VectorType(F32, 8))

    def each_twice(eight: Value) -> Value:
        return b.shuffle_vector(eight, eight, ir.Constant(INTS, [lane // 2 for lane in range(16)]))

    scales = b.fmul(sixes(first, third), _half(b, block, 8))
    lows = b.fmul(sixes(second, b.lshr(third, I32(4))), _half(b, after(b, block, 2), 8))
    numbers = [b.and_(_twice(b, after(b, block, 16 + 32 * part), down=(0, 4)), fill(BYTES, 15)) for part in range(4)]
    return numbers, each_twice(scales), each_twice(lows)


def _parts_q6_k(b: Any, block: Value) -> tuple[list[Value], Value, Value]:
    """The same of a block of Q6_K; see blocks.unpack_six."""
    numbers = []
    for half in range(2):
        both = load(b, after(b, block, 64 * half), BYTES)
        pairs = ir.VectorType(ir.IntType(16), 32)
        upper = b.bitcast(b.lshr(b.bitcast(both, pairs), fill(pairs, 4)), BYTES)
        place = after(b, block, 128 + 32 * half)
        for four, two in ((both, _twice(b, place, up=(4, 2))), (upper, _twice(b, place, down=(0, 2)))):
            numbers.append(b.or_(b.and_(four, fill(BYTES, 15)), b.and_(two, fill(BYTES, 48))))
    signed = b.sitofp(load(b, after(b, block, 192), ir.VectorType(I8, 16)), FLOATS)
    scales = b.fmul(signed, _half(b, after(b, block, 208), 16))
    return numbers, scales, b.fmul(scales, fill(FLOATS, 32))


def _in_place(size: int, parts: Callable[..., tuple[list[Value], Value, Value]]) -> Callable[..., Value]:
    def build(b: Any, row: Value, signed: Value, factor: Value, sums: Value, count: Value) -> Value:
        """`scaled_dot` for `count` blocks of 256, out of which nothing is stored on the way."""
        four_floats = ir.VectorType(F32, 4)

        def body(index: Value, state: list[Value]) -> list[Value]:
            numbers, scales, lows = parts(b, b.add(row, b.mul(index, I64(size))))
            bytes_, runs, total = b.add(signed, b.mul(index, I64(256))), b.mul(index, I64(64)), state[0]
            for part, unsigned in enumerate(numbers):
                products = _dot(b, fill(INTS, 0), unsigned, load(b, after(b, bytes_, 64 * part), INTS))
                its = ir.Constant(ir.VectorType(I32, 4), [4 * part + run for run in range(4)])
                factors = load(b, b.add(factor, after(b, runs, 16 * part)), four_floats)
                four = b.fmul(b.shuffle_vector(scales, scales, its), factors)
                total = _add_scaled(b, total, products, _quarters(b, four))
            added = b.fmul(load(b, b.add(sums, runs), FLOATS), lows, flags=("contract",))
            return [total, b.fadd(state[1], added, flags=("contract",))]

        products, lows = _loop(b, count, [fill(FLOATS, 0)] * 2, body)
        return _add_up(b, b.fsub(products, lows))

    return build


dot_q4_k, dot_q6_k = step(types.float32)(_in_place(144, _parts_q4_k)), step(types.float32)(_in_place(210, _parts_q6_k))


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
