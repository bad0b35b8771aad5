"""What a round does to the rows of one head, compiled for the processor at hand (numba).

Operator by operator each of these writes many tensors as large as all rows, only to read them again. Rows are as they
are stored: float32, or bfloat16 as uint16. Channels d and d + head_dim/2 of a key are a rotating pair; cos and sin,
[rows, head_dim], are those of each row's slot, and make a key longer by `scale`: turning it out of its slot by them
makes it that much longer again.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqkv_cli.quantized.floats import SUMS, dot, exp, narrowed, widened

Array = NDArray[Any]

SHORTEST = np.float32(1e-12)  # torch's own: what is shorter has no direction


@njit(cache=True, fastmath=SUMS)
def turned_out(keys: Array, cos: Array, sin: Array, scale: float) -> Array:
    """Keys without their rotation, in float32."""
    half, shorter = keys.shape[1] // 2, np.float32(1) / np.float32(scale * scale)
    free = np.empty(keys.shape, np.float32)
    for row in range(len(keys)):
        for d in range(half):
            first, second = widened(keys[row, d]) * shorter, widened(keys[row, d + half]) * shorter
            free[row, d] = first * cos[row, d] + second * sin[row, d]
            free[row, d + half] = second * cos[row, d] - first * sin[row, d]
    return free


@njit(cache=True, fastmath=SUMS)
def square(x: Array) -> Any:
    """The square of a row's length."""
    total = np.float32(0)
    for d in range(len(x)):
        total += widened(x[d]) * widened(x[d])
    return total


@njit(cache=True, fastmath=SUMS)
def distinctness(keys: Array, cos: Array, sin: Array, scale: float, out: Array) -> None:
    """Minus the cosine between each key and the mean direction of all."""
    free = turned_out(keys, cos, sin, scale)
    anchor = np.zeros(free.shape[1], np.float32)
    for row in range(len(free)):
        out[row] = np.float32(1) / max(np.sqrt(square(free[row])), SHORTEST)
        for d in range(len(anchor)):
            anchor[d] += free[row, d] * out[row]
    length = max(np.sqrt(square(anchor)), SHORTEST)
    for row in range(len(free)):
        out[row] *= -dot(free[row], anchor) / length


@njit(cache=True, fastmath=SUMS)
def importance(keys: Array, values: Array, cos: Array, sin: Array, scale: float, weights: Array, out: Array) -> None:
    """`weights` times importance.features of each row, not yet shared with its neighbours."""
    free = turned_out(keys, cos, sin, scale)
    key_width, width = keys.shape[1], keys.shape[1] + values.shape[1]
    of_keys, of_values, of_lengths = weights[:key_width], weights[key_width:width], weights[width:]
    for row in range(len(free)):
        linear = dot(free[row], of_keys) + dot(values[row], of_values) + of_lengths[2]
        lengths = np.sqrt(square(free[row])) * of_lengths[0] + np.sqrt(square(values[row])) * of_lengths[1]
        out[row] = linear + lengths


@njit(cache=True, fastmath=SUMS)
def move(keys: Array, values: Array, old: int, new: int, cos: Array, sin: Array, scale: float) -> None:
    """Copy the row in slot `old` to slot `new`, before it; cos and sin are those of all slots.

    Angles are proportional to slots, so a key is turned back by as many slots as it moves.
    """
    half, shorter = keys.shape[1] // 2, np.float32(1) / np.float32(scale)
    key, moved, back_cos, back_sin = keys[old], keys[new], cos[old - new], sin[old - new]
    for d in range(half):
        first, second = widened(key[d]) * shorter, widened(key[d + half]) * shorter
        moved[d] = narrowed(first * back_cos[d] + second * back_sin[d], moved[d])
        moved[d + half] = narrowed(second * back_cos[d] - first * back_sin[d], moved[d])
    values[new] = values[old]


@njit(cache=True, fastmath=SUMS)
def keep(
    keys: Array, values: Array, kept: Array, start: int, recent: int, cos: Array, sin: Array, scale: float
) -> None:
    """Let the rows at the places `kept` behind slot `start`, rising, and all from slot `recent` on, follow it.

    In place: a row never moves to a slot behind its own, so none is written to before it has been read.
    """
    new = start
    for place in kept:
        if start + place != new:
            move(keys, values, start + place, new, cos, sin, scale)
        new += 1
    for old in range(recent, len(keys)):
        if old != new:
            move(keys, values, old, new, cos, sin, scale)
        new += 1


@njit(cache=True)
def ordered(bits: Any) -> Any:
    """The bits of a float32 as an int32 that is in the order of the floats; and back again."""
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))  # negative floats are in the opposite order


@njit(cache=True)
def highest(scores: Array) -> Any:
    """The greatest of some float32, found as an integer: a compiler makes vectors of that, and none of floats."""
    bits, most = scores.view(np.int32), np.int32(-(2**31))
    for index in range(len(bits)):
        most = max(most, ordered(bits[index]))
    return np.int32(ordered(most)).view(np.float32)


@njit(cache=True, fastmath=SUMS)
def mean_attention(scores: Array, queries: int, out: Array) -> None:
    """The mean softmax of `scores`, [heads * queries, slots], where the last `queries` slots are those of the queries,
    which do not see those behind their own.
    """
    rows, slots = scores.shape
    weights = np.empty(slots, np.float32)
    out[:] = 0
    for row in range(rows):
        seen = slots - queries + 1 + row % queries
        for slot in range(seen):
            weights[slot] = widened(scores[row, slot])
        most, total = highest(weights[:seen]), np.float32(0)
        for slot in range(seen):
            weights[slot] = exp(weights[slot] - most)
            total += weights[slot]
        share = np.float32(1) / (total * np.float32(rows))
        for slot in range(seen):
            out[slot] += weights[slot] * share


@njit(cache=True)
def count_from(ranks: Array, least: int) -> Any:
    """How many are not below `least`."""
    found = 0
    for place in range(len(ranks)):
        found += ranks[place] >= least
    return found


@njit(cache=True)
def strongest(scores: Array, places: Array) -> None:
    """The places of as many of the highest scores, float32, as there is room for, rising; of equal ones the first."""
    bits, ranks = scores.view(np.int32), np.empty(len(scores), np.int32)
    for place in range(len(bits)):
        ranks[place] = ordered(bits[place])
    least = np.int64(-(2**31))  # the rank of the last one that there is room for, found bit by bit
    for bit in range(31, -1, -1):
        higher = np.int32(least + (np.int64(1) << bit))
        if count_from(ranks, higher) >= len(places):
            least = np.int64(higher)
    equal, index = len(places), 0
    for place in range(len(ranks)):
        equal -= ranks[place] > least
    for place in range(len(ranks)):
        tied = (ranks[place] == least) & (equal > 0)
        equal -= tied
        if tied | (ranks[place] > least):
            places[index] = place
            index += 1
