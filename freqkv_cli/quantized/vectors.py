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


def _call(b: Any, name: str, *values: Value) -> Value:
    """One of LLVM's own functions on vectors; its result is a vector of the same kind, or its lanes'."""
    kind = values[0].type
    result = kind.element if ".reduce." in name else kind
    letter = "f" if kind.element == F32 else "i"
    return b.call(
        cgutils.get_or_insert_function(
            b.module, ir.FunctionType(result, [kind] * len(values)), f"llvm.{name}.v{kind.count}{letter}32"
        ),
        values,
    )


def _all_max(b: Any, vectors: list[Value]) -> Value:
    """The greatest number of all lanes of some vectors without NaN."""
    while len(vectors) > 1:
        vectors = [
            b.select(b.fcmp_ordered(">", one, other), one, other)
            for one, other in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return b.call(
        cgutils.get_or_insert_function(b.module, ir.FunctionType(F32, [FLOATS]), "llvm.vector.reduce.fmax.v16f32"),
        vectors,
        fastmath=("nnan",),
    )


def _scale(b: Any, highest: Value) -> tuple[Value, Value]:
    """What one of 127 steps to `highest` is, and how many steps go into 1; both 0 for 0."""
    step = b.fdiv(highest, F32(127))
    none = b.fcmp_ordered("==", highest, F32(0))
    return step, b.select(none, F32(0), b.fdiv(F32(127), b.select(none, F32(1), highest)))


@_step()
def rescale_256(
    b: Any, numbers: Value, scale: Value, low: Value, highest: Value, target: Value, steps: Value
) -> None:
    """256 weights (see blocks.unpack; `highest` as float32) become bytes: weight is about step * (byte - 128), where
    step, float32, goes to `steps`.
    """
    factors, lows = _load(b, scale, FLOATS), _load(b, low, FLOATS)
    other = b.fsub(b.fmul(factors, _spread(b, highest)), lows)  # all weights of a run lie between it and -low
    step, inverse = _scale(b, _all_max(b, [_call(b, "fabs", lows), _call(b, "fabs", other)]))
    _store(b, step, steps)
    spread = _spread(b, inverse)
    factors, addends = b.fmul(factors, spread), b.fsub(_all(FLOATS, 128.5), b.fmul(lows, spread))
    for run in range(16):
        factor, addend = (b.extract_element(vector, I32(run)) for vector in (factors, addends))
        line = b.fptosi(_line(b, _after(b, numbers, 16 * run), factor, addend), INTS)
        _store(b, b.trunc(line, ir.VectorType(I8, 16)), _after(b, target, 16 * run))


def _rounder(columns: int) -> Callable[..., None]:
    def build(b: Any, wide: Value, signed: Value, factor: Value, total: Value) -> None:
        """Some float32 become bytes: each is about factor * byte. `total` is what the bytes add up to, as int32; for 16
        columns it is float32, times the factor.
        """
        vectors = [_load(b, _after(b, wide, 64 * v), FLOATS) for v in range(columns // 16)]
        step, inverse = _scale(b, _all_max(b, [_call(b, "fabs", vector) for vector in vectors]))
        _store(b, step, factor)
        added = _all(INTS, 0)
        for v, vector in enumerate(vectors):
            rounded = b.fptosi(_call(b, "rint", b.fmul(vector, _spread(b, inverse))), INTS)
            _store(b, b.trunc(rounded, ir.VectorType(I8, 16)), _after(b, signed, 16 * v))
            added = b.add(added, rounded)
        sum_ = _call(b, "vector.reduce.add", added)
        _store(b, b.fmul(b.sitofp(sum_, F32), step) if columns == 16 else sum_, total)

    return build


round_16, round_64 = _step()(_rounder(16)), _step()(_rounder(64))


@_step()
def transpose_16(b: Any, source: Value, stride: Value, target: Value, distance: Value) -> None:
    """Sixteen lines of sixteen uint32, `stride` bytes apart, change places with their columns, `distance` apart."""
    lines = [_load(b, b.add(source, b.mul(stride, I64(line))), INTS) for line in range(16)]
    for half in (8, 4, 2, 1):
        lower = [lane if not lane & half else lane - half + 16 for lane in range(16)]
        upper = [lane + half if not lane & half else lane + 16 for lane in range(16)]
        for line in range(16):
            if not line & half:
                pair = lines[line], lines[line + half]
                lines[line] = b.shuffle_vector(*pair, ir.Constant(INTS, lower))
                lines[line + half] = b.shuffle_vector(*pair, ir.Constant(INTS, upper))
    for line, vector in enumerate(lines):
        _store(b, vector, b.add(target, b.mul(distance, I64(line))))


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


@_step(types.float32)
def scaled_dot(
    b: Any, numbers: Value, scale: Value, low: Value, signed: Value, factor: Value, sums: Value, count: Value
) -> Value:
    """HAS_DOT. The product of `count` times 64 weights (see blocks.unpack) and activations (see products.Activations)."""
    four = ir.VectorType(F32, 4)

    def body(index: Value, state: list[Value]) -> list[Value]:
        at, quarter = b.mul(index, I64(64)), b.mul(index, I64(16))
        products = _dot(b, _all(INTS, 0), *(_load(b, b.add(place, at), INTS) for place in (numbers, signed)))
        scales, lows, factors, added = (_load(b, b.add(place, quarter), four) for place in (scale, low, factor, sums))
        return [
            _add_scaled(b, state[0], products, _quarters(b, b.fmul(scales, factors))),
            b.fadd(state[1], b.fmul(added, lows, flags=("contract",)), flags=("contract",)),
        ]

    products, lows = _loop(b, count, [_all(FLOATS, 0), _all(four, 0)], body)
    return b.fsub(_add_up(b, products), _add_up(b, lows))


def _sixes(b: Any, block: Value) -> tuple[Value, Value]:
    """The eight scales and the eight lows of a block of Q4_K, without their factors; see blocks.unpack_mixed."""
    first, second, third = (_load(b, _after(b, block, 4 + 4 * word), I32) for word in range(3))

    def joined(lower: Value, fourth: Value) -> Value:
        six = b.and_(lower, I32(0x3F3F3F3F))
        upper = b.or_(b.and_(fourth, I32(0x0F0F0F0F)), b.shl(b.and_(b.lshr(lower, I32(6)), I32(0x03030303)), I32(4)))
        both = ir.Constant(ir.VectorType(I32, 2), ir.Undefined)
        both = b.insert_element(b.insert_element(both, six, I32(0)), upper, I32(1))
        return b.uitofp(b.bitcast(both, ir.VectorType(I8, 8)), ir.VectorType(F32, 8))

    return joined(first, third), joined(second, b.lshr(third, I32(4)))


@_step(types.float32)
def dot_q4_k(b: Any, row: Value, signed: Value, factor: Value, sums: Value, count: Value) -> Value:
    """HAS_DOT. `scaled_dot` for `count` blocks of Q4_K, out of which nothing is stored on the way."""
    half, double, four_floats = ir.VectorType(I8, 32), ir.VectorType(ir.IntType(16), 32), ir.VectorType(F32, 4)
    shifts = ir.Constant(double, [0] * 16 + [4] * 16)

    def body(index: Value, state: list[Value]) -> list[Value]:
        block, at = b.add(row, b.mul(index, I64(144))), b.mul(index, I64(256))
        halves = (b.fpext(_load(b, _after(b, block, place), ir.HalfType()), F32) for place in (0, 2))
        scales, lows = (
            b.fmul(six, _spread(b, one, 8)) for six, one in zip(_sixes(b, block), halves, strict=True)
        )
        none, total = ir.Constant(scales.type, ir.Undefined), state[0]
        places = b.add(factor, b.mul(index, I64(64)))
        for part in range(4):
            digits = _load(b, _after(b, block, 16 + 32 * part), half)
            twice = b.shuffle_vector(digits, digits, ir.Constant(ir.VectorType(I32, 64), [*range(32), *range(32)]))
            numbers = b.and_(b.bitcast(b.lshr(b.bitcast(twice, double), shifts), BYTES), _all(BYTES, 15))
            products = _dot(b, _all(INTS, 0), numbers, _load(b, b.add(signed, _after(b, at, 64 * part)), INTS))
            two = ir.Constant(ir.VectorType(I32, 4), [2 * part, 2 * part, 2 * part + 1, 2 * part + 1])
            four = b.fmul(b.shuffle_vector(scales, none, two), _load(b, _after(b, places, 16 * part), four_floats))
            total = _add_scaled(b, total, products, _quarters(b, four))
        each = b.shuffle_vector(lows, none, ir.Constant(INTS, [lane // 2 for lane in range(16)]))
        added = _load(b, b.add(sums, b.mul(index, I64(64))), FLOATS)
        return [total, b.fadd(state[1], b.fmul(added, each, flags=("contract",)), flags=("contract",))]

    products, lows = _loop(b, count, [_all(FLOATS, 0)] * 2, body)
    return _add_up(b, b.fsub(products, lows))


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
