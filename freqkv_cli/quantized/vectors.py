"""Steps of a few vector instructions, in LLVM's own language: its compiler would unroll loops over 16 or 32 bytes.

What they work on is given as an address (`array.ctypes.data` plus bytes). All of this runs on any processor.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I1, I8, I32, I64, F32 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
INTS, FLOATS, BYTES = ir.VectorType(I32, 16), ir.VectorType(F32, 16), ir.VectorType(I8, 64)

Value = Any


def step(result: Any = types.void) -> Callable[[Callable[..., Value]], Any]:
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


def load(b: Any, address: Value, kind: Any) -> Value:
    return b.load(b.inttoptr(address, kind.as_pointer()), align=1)


def store(b: Any, value: Value, address: Value) -> None:
    b.store(value, b.inttoptr(address, value.type.as_pointer()), align=1)


def after(b: Any, address: Value, size: int) -> Value:
    return b.add(address, I64(size))


def fill(kind: Any, number: float) -> Value:
    return ir.Constant(kind, [number] * kind.count)


def spread(b: Any, number: Value, lanes: int = 16) -> Value:
    """The same number in every lane."""
    kind = ir.VectorType(number.type, lanes)
    first = b.insert_element(ir.Constant(kind, ir.Undefined), number, I32(0))
    return b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), fill(ir.VectorType(I32, lanes), 0))


def _nibbles(b: Any, source: Value, width: int) -> tuple[Value, Value]:
    both = load(b, source, ir.VectorType(I8, width))
    return b.and_(both, fill(both.type, 15)), b.lshr(both, fill(both.type, 4))


@step()
def split_32(b: Any, source: Value, target: Value) -> None:
    """The lower four bits of 32 bytes, and then the upper ones: 64 bytes."""
    lower, upper = _nibbles(b, source, 32)
    store(b, lower, target)
    store(b, upper, after(b, target, 32))


@step()
def split_16(b: Any, source: Value, target: Value) -> None:
    """The lower four bits of 16 bytes, and then the upper ones: 32 bytes."""
    store(b, b.shuffle_vector(*_nibbles(b, source, 16), ir.Constant(ir.VectorType(I32, 32), list(range(32)))), target)


@step()
def split_16_fifth(b: Any, source: Value, mask: Value, target: Value) -> None:
    """`split_16` with a fifth bit for each, its bit in the 32-bit word at `mask`."""
    four = b.shuffle_vector(*_nibbles(b, source, 16), ir.Constant(ir.VectorType(I32, 32), list(range(32))))
    where = b.bitcast(load(b, mask, I32), ir.VectorType(I1, 32))
    store(b, b.or_(four, b.select(where, fill(four.type, 16), fill(four.type, 0))), target)


@step()
def add_bits(b: Any, source: Value, bit: Value, target: Value) -> None:
    """Set the fifth bit of 32 bytes where the `bit`-th of the 32 bytes at `source` is set."""
    kind = ir.VectorType(I8, 32)
    moved = b.lshr(load(b, source, kind), spread(b, b.trunc(bit, I8), 32))
    fifth = b.shl(b.and_(moved, fill(kind, 1)), fill(kind, 4))
    store(b, b.or_(load(b, target, kind), fifth), target)


@step()
def make_unsigned(b: Any, source: Value, target: Value) -> None:
    """32 signed bytes, 128 more each."""
    kind = ir.VectorType(I8, 32)
    store(b, b.xor(load(b, source, kind), fill(kind, -128)), target)


def _line(b: Any, source: Value, factor: Value, addend: Value) -> Value:
    """16 bytes as float32, times a factor and more by an addend."""
    numbers = b.uitofp(load(b, source, ir.VectorType(I8, 16)), FLOATS)
    return b.fadd(b.fmul(numbers, spread(b, factor)), spread(b, addend), flags=("contract",))


@step()
def widen_16(b: Any, source: Value, factor: Value, addend: Value, target: Value) -> None:
    """16 bytes become float32: factor * byte + addend."""
    store(b, _line(b, source, factor, addend), target)


def call(b: Any, name: str, *values: Value) -> Value:
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


@step()
def rescale_256(b: Any, numbers: Value, scale: Value, low: Value, highest: Value, target: Value, steps: Value) -> None:
    """256 weights (see blocks.unpack; `highest` as float32) become bytes: weight is about step * (byte - 128), where
    step, float32, goes to `steps`.
    """
    factors, lows = load(b, scale, FLOATS), load(b, low, FLOATS)
    other = b.fsub(b.fmul(factors, spread(b, highest)), lows)  # all weights of a run lie between it and -low
    step, inverse = _scale(b, _all_max(b, [call(b, "fabs", lows), call(b, "fabs", other)]))
    store(b, step, steps)
    every = spread(b, inverse)
    factors, addends = b.fmul(factors, every), b.fsub(fill(FLOATS, 128.5), b.fmul(lows, every))
    for run in range(16):
        factor, addend = (b.extract_element(vector, I32(run)) for vector in (factors, addends))
        line = b.fptosi(_line(b, after(b, numbers, 16 * run), factor, addend), INTS)
        store(b, b.trunc(line, ir.VectorType(I8, 16)), after(b, target, 16 * run))


def _rounder(columns: int) -> Callable[..., None]:
    def build(b: Any, wide: Value, signed: Value, factor: Value, total: Value) -> None:
        """Some float32 become bytes: each is about factor * byte. `total` is what the bytes add up to, as int32; for 16
        columns it is float32, times the factor.
        """
        vectors = [load(b, after(b, wide, 64 * v), FLOATS) for v in range(columns // 16)]
        step, inverse = _scale(b, _all_max(b, [call(b, "fabs", vector) for vector in vectors]))
        store(b, step, factor)
        added = fill(INTS, 0)
        for v, vector in enumerate(vectors):
            rounded = b.fptosi(call(b, "rint", b.fmul(vector, spread(b, inverse))), INTS)
            store(b, b.trunc(rounded, ir.VectorType(I8, 16)), after(b, signed, 16 * v))
            added = b.add(added, rounded)
        sum_ = call(b, "vector.reduce.add", added)
        store(b, b.fmul(b.sitofp(sum_, F32), step) if columns == 16 else sum_, total)

    return build


round_16, round_64 = step()(_rounder(16)), step()(_rounder(64))


@step()
def transpose_16(b: Any, source: Value, stride: Value, target: Value, distance: Value) -> None:
    """Sixteen lines of sixteen uint32, `stride` bytes apart, change places with their columns, `distance` apart."""
    lines = [load(b, b.add(source, b.mul(stride, I64(line))), INTS) for line in range(16)]
    for half in (8, 4, 2, 1):
        lower = [lane if not lane & half else lane - half + 16 for lane in range(16)]
        upper = [lane + half if not lane & half else lane + 16 for lane in range(16)]
        for line in range(16):
            if not line & half:
                pair = lines[line], lines[line + half]
                lines[line] = b.shuffle_vector(*pair, ir.Constant(INTS, lower))
                lines[line + half] = b.shuffle_vector(*pair, ir.Constant(INTS, upper))
    for line, vector in enumerate(lines):
        store(b, vector, b.add(target, b.mul(distance, I64(line))))
