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
TILE_ROWS, TILE_TOKENS = 32, 12  # of `add_tile`: 2 x 12 sums of 16 lanes, in 32 registers

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


@_step(types.float32)
def scaled_dot(b: Any, numbers: Value, signed: Value, scale: Value, factor: Value, count: Value) -> Value:
    """HAS_DOT. The sum of numbers[k] * signed[k] * scale[k // 16] * factor[k // 256], `count` times 64 of them."""
    start = b.block
    loop, end = b.append_basic_block("loop"), b.append_basic_block("end")
    b.branch(loop)
    b.position_at_end(loop)
    index, total = b.phi(I64), b.phi(FLOATS)
    index.add_incoming(I64(0), start)
    total.add_incoming(_all(FLOATS, 0), start)
    at = b.mul(index, I64(64))
    products = _dot(
        b, _all(INTS, 0), _load(b, b.add(numbers, at), INTS), _load(b, b.add(signed, at), INTS)
    )
    four = _load(b, b.add(scale, b.mul(index, I64(16))), ir.VectorType(F32, 4))
    lanes = ir.Constant(INTS, [lane // 4 for lane in range(16)])
    scales = b.shuffle_vector(four, ir.Constant(four.type, ir.Undefined), lanes)
    one = _spread(b, _load(b, b.add(factor, b.and_(index, I64(-4))), F32))
    added = b.fadd(total, b.fmul(b.sitofp(products, FLOATS), b.fmul(scales, one)), flags=("contract",))
    following = b.add(index, I64(1))
    index.add_incoming(following, loop)
    total.add_incoming(added, loop)
    b.cbranch(b.icmp_signed("<", following, count), loop, end)
    b.position_at_end(end)
    for width in (8, 4, 2, 1):
        kind = ir.VectorType(I32, width)
        lower, upper = ([part + lane for lane in range(width)] for part in (0, width))
        none = ir.Constant(added.type, ir.Undefined)
        added = b.fadd(
            b.shuffle_vector(added, none, ir.Constant(kind, lower)),
            b.shuffle_vector(added, none, ir.Constant(kind, upper)),
        )
    return b.extract_element(added, I32(0))


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
    """HAS_DOT. Add the products of TILE_ROWS rows with TILE_TOKENS tokens, over 4 * `count` columns, to `sums`.

    panel: [count, TILE_ROWS, 4] of uint8. scale: [TILE_ROWS] of float32. signed: the int8 of the first token; those of
    the next are `stride` bytes further on. first, factor: int32 that its integer sums begin with and float32 that they
    are multiplied by; those of the next are `distance` bytes further on. sums: [TILE_TOKENS, TILE_ROWS] of float32.
    """
    vectors = range(TILE_ROWS // 16)
    start = b.block
    begin = [_spread(b, _load(b, b.add(first, b.mul(distance, I64(t))), I32)) for t in range(TILE_TOKENS)]
    loop, end = b.append_basic_block("loop"), b.append_basic_block("end")
    b.branch(loop)
    b.position_at_end(loop)
    index = b.phi(I64)
    index.add_incoming(I64(0), start)
    totals = [[b.phi(INTS) for _ in vectors] for _ in range(TILE_TOKENS)]
    here = b.add(panel, b.mul(index, I64(4 * TILE_ROWS)))
    weights = [_load(b, _after(b, here, 64 * v), INTS) for v in vectors]
    column = b.add(signed, b.mul(index, I64(4)))
    added = []
    for t in range(TILE_TOKENS):
        four = _spread(b, _load(b, b.add(column, b.mul(stride, I64(t))), I32))
        added.append([_dot(b, totals[t][v], weights[v], four) for v in vectors])
    following = b.add(index, I64(1))
    index.add_incoming(following, loop)
    for t in range(TILE_TOKENS):
        for v in vectors:
            totals[t][v].add_incoming(begin[t], start)
            totals[t][v].add_incoming(added[t][v], loop)
    b.cbranch(b.icmp_signed("<", following, count), loop, end)
    b.position_at_end(end)
    scales = [_load(b, _after(b, scale, 64 * v), FLOATS) for v in vectors]
    for t in range(TILE_TOKENS):
        one = _spread(b, _load(b, b.add(factor, b.mul(distance, I64(t))), F32))
        for v in vectors:
            place = _after(b, sums, 4 * TILE_ROWS * t + 64 * v)
            product = b.fmul(b.sitofp(added[t][v], FLOATS), b.fmul(scales[v], one))
            _store(b, b.fadd(_load(b, place, FLOATS), product), place)
