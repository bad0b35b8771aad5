"""Floats in compiled code: stored ones, float32 as it is or bfloat16 as uint16, its upper half; exp; and products."""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

SUMS: Any = {"reassoc", "contract", "nsz"}  # "fastmath" with which a sum may be taken in vector registers


def widened(stored: Any) -> Any:
    """A stored number as float32 (compiled code only)."""
    raise NotImplementedError


@overload(widened)
def _widened(stored):  # type: ignore[no-untyped-def]  # numba compares this signature with the one above
    if isinstance(stored, types.Integer):

        def from_upper_half(stored):  # type: ignore[no-untyped-def]
            bits = np.uint32(np.uint32(stored) << np.uint32(16))
            return bits.view(np.float32)

        return from_upper_half
    return lambda stored: stored


def narrowed(number: Any, like: Any) -> Any:
    """A float32 in the form of `like`, a stored number, rounded to the nearest even (compiled code only)."""
    raise NotImplementedError


@overload(narrowed)
def _narrowed(number, like):  # type: ignore[no-untyped-def]
    if isinstance(like, types.Integer):

        def to_upper_half(number, like):  # type: ignore[no-untyped-def]
            bits = np.float32(number).view(np.uint32)
            odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
            return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

        return to_upper_half
    return lambda number, like: number


@njit(cache=True, fastmath={"contract"})
def exp(x: Any) -> Any:
    """e ** x in float32, within 4e-6 of it; 0 and infinity where that is out of reach.

    Nothing but arithmetic, so that loops with it become vector instructions: the C library's takes one at a time.
    """
    doublings = min(max(x * np.float32(1.4426950408889634), np.float32(-150)), np.float32(129))
    whole = np.rint(doublings)
    rest = (doublings - whole) * np.float32(0.6931471805599453)
    power = np.float32(1 / 720) * rest + np.float32(1 / 120)
    power = power * rest + np.float32(1 / 24)
    power = power * rest + np.float32(1 / 6)
    power = power * rest + np.float32(1 / 2)
    power = power * rest + np.float32(1)
    power = power * rest + np.float32(1)
    half = np.int32(whole) >> np.int32(1)  # two factors: one would have no exponent at the ends
    first = np.uint32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    second = np.uint32((np.int32(whole) - half + np.int32(127)) << np.int32(23)).view(np.float32)
    return power * first * second


@njit(cache=True, fastmath={"contract"}, error_model="numpy")  # or each division asks whether to raise an exception
def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return x / (np.float32(1) + exp(-x))


@njit(cache=True, fastmath=SUMS)
def dot(stored: Any, x: Any) -> Any:
    """The product of a stored row and `x`."""
    total = np.float32(0)
    for k in range(x.shape[0]):
        total += widened(stored[k]) * x[k]
    return total
