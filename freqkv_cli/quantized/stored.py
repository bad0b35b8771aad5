"""Stored numbers in compiled code: float32 as it is, bfloat16 as uint16, which is the upper half of a float32."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload


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
