"""Steps of a few vector instructions, in LLVM's own language: its compiler would unroll loops over 16 or 32 bytes.

What they work on is given as an address (`array.ctypes.data` plus bytes). Those with HAS_DOT need that instruction.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I1, I8, I32, I64, F32 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
INTS, FLOATS, BYTES = ir.VectorType(I32, 16), ir.VectorType(F32, 16), ir.VectorType(I8, 64)
_FEATURES = llvm.get_host_cpu_features()
HAS_DOT = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512vnni"))  # vpdpbusd: 64 products of bytes at once
TILE_ROWS, TILE_TOKENS = 32, 6  # of `add_tile`: 2 x 6 sums of 16 lanes, in integers and in floats: 24 of 32 registers

Value = Any


def _step(result: Any = types.void) -> Callable[[Callable[..., Value]], Any]:
    """Make a function for compiled code of one that builds its instructions: (builder, addresses, counts, floats)."""

    def make(build: Callable[..., Value]) -> Any:
        def step(context: Any, *arguments: Any) -> Any:
            def generate(target: Any, builder: Any, _signature: Any, values: Any) -> Value:
                built = build(builder, *values)
                return target.get_dummy_value() if built is None else built

            taken = [types.float32 if isinstance(kind, types.Float) else types.intp for kind in arguments]
            return result(*taken), generate

        step.__doc__ = build.__doc__
        step.__signature__ = signature(build)  # type: ignore[attr-defined]  # numba wants to know how many there are
        return intrinsic(step)

    return make


def _load(b: Any, address: Value, kind: Any) -> Value:
    return b.load(b.inttoptr(address, kind.as_pointer()), align=1)


def _store(b: Any, value: Value, address: Value) -> None:
    b.store(value, b.inttoptr(address, value.type.as_pointer()), align=1)


def _after(b: Any, address: Value, size: int) -> Value:
    return b.add(address, I64(size))


def _all(kind: Any, number: int) -> Value:
    return ir.Constant(kind, [number] * kind.count)


def _spread(b: Any, number: Value, lanes: int = 16) -> Value:
    """The same number in every lane."""
    kind = ir.VectorType(number.type, lanes)
    first = b.insert_element(ir.Constant(kind, ir.Undefined), number, I32(0))
    return b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), _all(ir.VectorType(I32, lanes), 0))


def _nibbles(b: Any, source: Value, width: int) -> tuple[Value, Value]:
    both = _load(b, source, ir.VectorType(I8, width))
    return b.and_(both, _all(both.type, 15)), b.lshr(both, _all(both.type, 4))


@_step()
def split_32(b: Any, source: Value, target: Value) -> None:
    """The lower four bits of 32 bytes, and then the upper ones: 64 bytes."""
    lower, upper = _nibbles(b, source, 32)
    _store(b, lower, target)
    _store(b, upper, _after(b, target, 32))


@_step()
def split_16(b: Any, source: Value, target: Value) -> None:
    """The lower four bits of 16 bytes, and then the upper ones: 32 bytes."""
    _store(b, b.shuffle_vector(*_nibbles(b, source, 16), ir.Constant(ir.VectorType(I32, 32), list(range(32)))), target)


@_step()
def split_16_fifth(b: Any, source: Value, mask: Value, target: Value) -> None:
    """`split_16` with a fifth bit for each, its bit in the 32-bit word at `mask`."""
    four = b.shuffle_vector(*_nibbles(b, source, 16), ir.Constant(ir.VectorType(I32, 32), list(range(32))))
    where = b.bitcast(_load(b, mask, I32), ir.VectorType(I1, 32))
    _store(b, b.or_(four, b.select(where, _all(four.type, 16), _all(four.type, 0))), target)


@_step()
def add_bits(b: Any, source: Value, bit: Value, target: Value) -> None:
    """Set the fifth bit of 32 bytes where the `bit`-th of the 32 bytes at `source` is set."""
    kind = ir.VectorType(I8, 32)
    moved = b.lshr(_load(b, source, kind), _spread(b, b.trunc(bit, I8), 32))
    fifth = b.shl(b.and_(moved, _all(kind, 1)), _all(kind, 4))
    _store(b, b.or_(_load(b, target, kind), fifth), target)


@_step()
def make_unsigned(b: Any, source: Value, target: Value) -> None:
    """32 signed bytes, 128 more each."""
    kind = ir.VectorType(I8, 32)
    _store(b, b.xor(_load(b, source, kind), _all(kind, -128)), target)


def _line(b: Any, source: Value, factor: Value, addend: Value) -> Value:
    """16 bytes as float32, times a factor and more by an addend."""
    numbers = b.uitofp(_load(b, source, ir.VectorType(I8, 16)), FLOATS)
    return b.fadd(b.fmul(numbers, _spread(b, factor)), _spread(b, addend), flags=("contract",))


@_step()
def widen_16(b: Any, source: Value, factor: Value, addend: Value, target: Value) -> None:
    """16 bytes become float32: factor * byte + addend."""
    _store(b, _line(b, source, factor, addend), target)


@_step()
def rescale_16(b: Any, source: Value, factor: Value, addend: Value, target: Value) -> None:
    """16 bytes become others: the whole part of factor * byte + addend, which must lie in 0..255."""
    _store(b, b.trunc(b.fptosi(_line(b, source, factor, addend), INTS), ir.VectorType(I8, 16)), target)


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


@_step(types.float32)
def scaled_dot(
    b: Any, numbers: Value, scale: Value, low: Value, signed: Value, factor: Value, sums: Value, count: Value
) -> Value:
    """HAS_DOT. The product of `count` times 64 weights (see blocks.unpack) and activations (see products.Activations)."""
    four = ir.VectorType(F32, 4)
    spread = ir.Constant(INTS, [lane // 4 for lane in range(16)])

    def body(index: Value, state: list[Value]) -> list[Value]:
        at = b.mul(index, I64(64))
        bytes_, others = (_load(b, b.add(place, at), INTS) for place in (numbers, signed))
        products = b.sitofp(_dot(b, _all(INTS, 0), bytes_, others), FLOATS)
        quarter = b.mul(index, I64(16))
        scales, lows, factors = (_load(b, b.add(place, quarter), four) for place in (scale, low, factor))
        added = b.fmul(b.sitofp(_load(b, b.add(sums, quarter), ir.VectorType(I32, 4)), four), factors)
        scales = b.shuffle_vector(b.fmul(scales, factors), ir.Constant(four, ir.Undefined), spread)
        return [
            b.fadd(state[0], b.fmul(products, scales, flags=("contract",)), flags=("contract",)),
            b.fadd(state[1], b.fmul(added, lows, flags=("contract",)), flags=("contract",)),
        ]

    products, lows = _loop(b, count, [_all(FLOATS, 0), _all(four, 0)], body)
    return b.fsub(_add_up(b, products), _add_up(b, lows))


@_step()
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
    """HAS_DOT. Add the products of TILE_ROWS rows with TILE_TOKENS tokens, over `count` times 64 columns, to `sums`.

    panel: [16 * count, TILE_ROWS, 4] of uint8. scale: [TILE_ROWS] of float32. signed: the int8 of the first token;
    those of the next are `stride` bytes further on. first, factor: [count] of int32 that its integer sums of 64 columns
    begin with and of float32 that they are multiplied by; those of the next are `distance` bytes further on.
    sums: [TILE_TOKENS, TILE_ROWS] of float32.
    """
    vectors, tokens = range(TILE_ROWS // 16), range(TILE_TOKENS)

    def per_token(place: Value, group: Value, kind: Any) -> list[Value]:
        here = b.add(place, b.mul(group, I64(4)))
        return [_spread(b, _load(b, b.add(here, b.mul(distance, I64(t))), kind)) for t in tokens]

    def add_group(group: Value, totals: list[Value]) -> list[Value]:
        columns = b.add(signed, b.mul(group, I64(64)))
        rows = b.add(panel, b.mul(group, I64(64 * TILE_ROWS)))

        def add_four(index: Value, state: list[Value]) -> list[Value]:
            here, column = b.add(rows, b.mul(index, I64(4 * TILE_ROWS))), b.add(columns, b.mul(index, I64(4)))
            weights = [_load(b, _after(b, here, 64 * v), INTS) for v in vectors]
            following = []
            for t in tokens:
                four = _spread(b, _load(b, b.add(column, b.mul(stride, I64(t))), I32))
                following += [_dot(b, state[len(vectors) * t + v], weights[v], four) for v in vectors]
            return following

        begin = [sums for sums in per_token(first, group, I32) for _ in vectors]
        products = _loop(b, I64(16), begin, add_four)
        factors = [one for one in per_token(factor, group, F32) for _ in vectors]
        return [
            b.fadd(total, b.fmul(b.sitofp(product, FLOATS), one, flags=("contract",)), flags=("contract",))
            for total, product, one in zip(totals, products, factors, strict=True)
        ]

    totals = _loop(b, count, [_all(FLOATS, 0)] * (len(vectors) * len(tokens)), add_group)
    scales = [_load(b, _after(b, scale, 64 * v), FLOATS) for v in vectors]
    for number, total in enumerate(totals):
        place = _after(b, sums, 64 * number)
        product = b.fmul(total, scales[number % len(vectors)], flags=("contract",))
        _store(b, b.fadd(_load(b, place, FLOATS), product, flags=("contract",)), place)
