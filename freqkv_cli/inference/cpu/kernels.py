"""One decoder layer for a few tokens, compiled for the processor at hand (numba).

A forward of one token reads every weight and every slot in use once and computes next to nothing with them: it should
take as long as the memory takes to deliver them. Called operator by operator it takes several times as long. Here a
layer is a handful of loops over rows of weights, each about as fast as its rows arrive.

16-bit weights and slots come as uint16, the upper half of a float32; matrices may be in the blocks of a GGUF file
(quantized/blocks.py), too. All between them is float32. What a token comes to does not depend on the tokens read with
it.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange, types
from numba.extending import overload
from numpy.typing import NDArray

from freqkv_cli.quantized.blocks import RUN
from freqkv_cli.quantized.floats import exp, narrowed, silu, widened
from freqkv_cli.quantized.products import Activations, multiply_few, quantize_row

Array = NDArray[Any]

SUMS: Any = {"reassoc", "contract", "nsz"}  # a sum may be taken in vector registers
ROWS = 32  # of a matrix that a thread takes at a time
SPAN = 128  # slots that a thread takes at a time


class Blocks(NamedTuple):
    """A matrix in blocks: its type's number in GGUF, and the bytes of its rows."""

    kind: int
    rows: Array


class LayerWeights(NamedTuple):
    """The weights of one layer: matrices [out, in], as they are stored, or Blocks; norms and biases in fp32, [0] for no
    bias.
    """

    attention_norm: Array
    query: Array | Blocks
    query_bias: Array
    key: Array | Blocks
    key_bias: Array
    value: Array | Blocks
    value_bias: Array
    out: Array | Blocks
    mlp_norm: Array
    gate: Array | Blocks
    up: Array | Blocks
    down: Array | Blocks


class Scratch(NamedTuple):
    """Room for what a layer computes on its way, fp32, used again by the next layer.

    normed: [tokens, hidden]. query, attended: [tokens, heads, head_dim]. key, value: [tokens, kv_heads, head_dim].
    inner: [tokens, intermediate]. spans: [kv_heads, spans, tokens * heads / kv_heads, head_dim + 2]; see `attend`.
    """

    normed: Array
    query: Array
    key: Array
    value: Array
    attended: Array
    inner: Array
    spans: Array


@njit(cache=True, fastmath=SUMS)
def dot(stored: Array, x: Array) -> Any:
    """The product of a stored row and `x`."""
    total = np.float32(0)
    for k in range(x.shape[0]):
        total += widened(stored[k]) * x[k]
    return total


@njit(cache=True, fastmath=SUMS)
def two_dots(stored: Array, x: Array, y: Array) -> Any:
    """`dot` with `x` and with `y`, added up in the same order."""
    first = second = np.float32(0)
    for k in range(x.shape[0]):
        number = widened(stored[k])
        first += number * x[k]
        second += number * y[k]
    return first, second


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_stored(weight: Array, bias: Array, x: Array, out: Array, add: bool) -> None:
    """out[t] = weight @ x[t] + bias, or that much more of it."""
    rows, tokens = weight.shape[0], x.shape[0]
    for block in prange((rows + ROWS - 1) // ROWS):
        first, end = block * ROWS, min((block + 1) * ROWS, rows)
        for t in range(0, tokens - 1, 2):
            for row in range(first, end):
                one, other = two_dots(weight[row], x[t], x[t + 1])
                out[t, row] = one + (out[t, row] if add else np.float32(0))
                out[t + 1, row] = other + (out[t + 1, row] if add else np.float32(0))
        if tokens % 2:
            for row in range(first, end):
                out[tokens - 1, row] = dot(weight[row], x[tokens - 1]) + (
                    out[tokens - 1, row] if add else np.float32(0)
                )
        if bias.shape[0]:
            for t in range(tokens):
                for row in range(first, end):
                    out[t, row] += bias[row]


@njit(cache=True, fastmath=SUMS, parallel=True)
def multiply_gated_stored(gate: Array, up: Array, x: Array, out: Array) -> None:
    """out[t] = silu(gate @ x[t]) * (up @ x[t])."""
    rows, tokens = gate.shape[0], x.shape[0]
    for block in prange((rows + ROWS - 1) // ROWS):
        first, end = block * ROWS, min((block + 1) * ROWS, rows)
        for t in range(0, tokens - 1, 2):
            for row in range(first, end):
                one, other = two_dots(gate[row], x[t], x[t + 1])
                upper, lower = two_dots(up[row], x[t], x[t + 1])
                out[t, row] = silu(one) * upper
                out[t + 1, row] = silu(other) * lower
        if tokens % 2:
            for row in range(first, end):
                out[tokens - 1, row] = silu(dot(gate[row], x[tokens - 1])) * dot(up[row], x[tokens - 1])


@njit(cache=True)
def in_bytes(x: Array) -> Activations:
    """A few tokens, [tokens, columns], as bytes with a factor for every RUN."""
    tokens, columns = x.shape[0], (x.shape[1] + 63) // 64 * 64
    runs = columns // RUN
    made = Activations(
        np.empty((tokens, columns), np.int8), np.empty((tokens, runs), np.float32), np.empty((tokens, runs), np.float32)
    )
    for t in range(tokens):
        quantize_row(x[t], RUN, made.signed[t], made.factor[t], made.sums[t])
    return made


@njit(cache=True)
def multiply_blocks(weight: Blocks, bias: Array, x: Array, out: Array, add: bool) -> None:
    """`multiply_stored` with a matrix in blocks."""
    multiply_few(weight.kind, weight.rows, bias, in_bytes(x), out, add)


@njit(cache=True, fastmath=SUMS)
def multiply_gated_blocks(gate: Blocks, up: Blocks, x: Array, out: Array) -> None:
    """`multiply_gated_stored` with matrices in blocks."""
    made, upper, none = in_bytes(x), np.empty_like(out), x[0, :0]
    multiply_few(gate.kind, gate.rows, none, made, out, False)
    multiply_few(up.kind, up.rows, none, made, upper, False)
    for t in range(out.shape[0]):
        for row in range(out.shape[1]):
            out[t, row] = silu(out[t, row]) * upper[t, row]


def multiply(weight: Any, bias: Array, x: Array, out: Array, add: bool) -> None:
    """out[t] = weight @ x[t] + bias, or that much more of it (compiled code only)."""
    raise NotImplementedError


@overload(multiply)
def _multiply(weight, bias, x, out, add):  # type: ignore[no-untyped-def]
    way = multiply_stored if isinstance(weight, types.Array) else multiply_blocks
    return lambda weight, bias, x, out, add: way(weight, bias, x, out, add)


def multiply_gated(gate: Any, up: Any, x: Array, out: Array) -> None:
    """out[t] = silu(gate @ x[t]) * (up @ x[t]) (compiled code only)."""
    raise NotImplementedError


@overload(multiply_gated)
def _multiply_gated(gate, up, x, out):  # type: ignore[no-untyped-def]
    way = multiply_gated_stored if isinstance(gate, types.Array) else multiply_gated_blocks
    return lambda gate, up, x, out: way(gate, up, x, out)


@njit(cache=True, fastmath=SUMS)
def normalize(x: Array, weight: Array, eps: float, out: Array) -> None:
    """Llama's norm of each row: by the root of the mean square."""
    for t in range(x.shape[0]):
        total = np.float32(0)
        for k in range(x.shape[1]):
            total += x[t, k] * x[t, k]
        factor = np.float32(1) / np.sqrt(total / np.float32(x.shape[1]) + np.float32(eps))
        for k in range(x.shape[1]):
            out[t, k] = x[t, k] * factor * weight[k]


@njit(cache=True, fastmath=SUMS)
def rotate(x: Array, cos: Array, sin: Array) -> None:
    """Rotate x, [tokens, heads, head_dim], in place; channels d and d + head_dim/2 are a pair."""
    half = x.shape[2] // 2
    for t in range(x.shape[0]):
        for head in range(x.shape[1]):
            for d in range(half):
                first, second = x[t, head, d], x[t, head, d + half]
                x[t, head, d] = first * cos[t, d] - second * sin[t, d]
                x[t, head, d + half] = second * cos[t, d + half] + first * sin[t, d + half]


@njit(cache=True)
def store(x: Array, slots: Array, start: int) -> None:
    """Put x, [tokens, kv_heads, head_dim], into slots, [kv_heads, slots, head_dim], from slot `start` on."""
    for t in range(x.shape[0]):
        for head in range(x.shape[1]):
            for d in range(x.shape[2]):
                slots[head, start + t, d] = narrowed(x[t, head, d], slots[head, start + t, d])


@njit(cache=True, fastmath=SUMS, parallel=True)
def attend(query: Array, keys: Array, values: Array, start: int, scaling: float, spans: Array, out: Array) -> None:
    """Attention of the tokens in slots start, start + 1, ..., each on all slots up to its own.

    Every key head and span of slots is a task of its own, so that all threads have work: it leaves its weighted values,
    its highest score and the sum of its weights in `spans`, and they are put together in the end.

    query, out: [tokens, heads, head_dim]. keys, values: [kv_heads, slots, head_dim].
    """
    tokens, heads, head_dim = query.shape
    kv_heads = keys.shape[0]
    group = heads // kv_heads
    count = (start + tokens + SPAN - 1) // SPAN
    for task in prange(kv_heads * count):
        kv_head, span = task // count, task % count
        first = span * SPAN
        scores = np.empty(SPAN, np.float32)
        for t in range(tokens):
            end = min(first + SPAN, start + t + 1)
            for g in range(group):
                asked = query[t, kv_head * group + g]
                part = spans[kv_head, span, t * group + g]
                highest = np.float32(-np.inf)
                for slot in range(first, end):
                    score = dot(keys[kv_head, slot], asked) * np.float32(scaling)
                    scores[slot - first] = score
                    highest = max(highest, score)
                part[:] = np.float32(0)
                total = np.float32(0)
                for slot in range(first, end):
                    scores[slot - first] = exp(scores[slot - first] - highest)
                for slot in range(first, end):
                    weight = scores[slot - first]
                    total += weight
                    row = values[kv_head, slot]
                    for d in range(head_dim):
                        part[d] += weight * widened(row[d])
                part[head_dim] = highest
                part[head_dim + 1] = total
    for t in range(tokens):
        seen = (start + t + SPAN) // SPAN
        for head in range(heads):
            parts = spans[head // group, :seen, t * group + head % group]
            highest = parts[:, head_dim].max()
            total = np.float32(0)
            out[t, head] = np.float32(0)
            for span in range(seen):
                share = exp(parts[span, head_dim] - highest)
                total += share * parts[span, head_dim + 1]
                for d in range(head_dim):
                    out[t, head, d] += share * parts[span, d]
            for d in range(head_dim):
                out[t, head, d] /= total


@njit(cache=True)
def run_head(x: Array, norm: Array, eps: float, weight: Any, bias: Array, normed: Array, logits: Array) -> None:
    """What follows the last layer: logits[t] = weight @ norm(x[t]) + bias."""
    normalize(x, norm, eps, normed)
    multiply(weight, bias, normed, logits, False)


@njit(cache=True)
def run_layer(
    hidden: Array,
    layer: LayerWeights,
    scratch: Scratch,
    cos: Array,
    sin: Array,
    keys: Array,
    values: Array,
    start: int,
    scaling: float,
    eps: float,
) -> None:
    """Take hidden, [tokens, hidden size], through one layer, in place; its keys and values go to slots from `start` on.

    cos, sin: [tokens, head_dim]. keys, values: [kv_heads, slots, head_dim]. The rotated queries stay in
    `scratch.query`.
    """
    tokens, none = hidden.shape[0], layer.query_bias[:0]
    normalize(hidden, layer.attention_norm, eps, scratch.normed)
    multiply(layer.query, layer.query_bias, scratch.normed, scratch.query.reshape(tokens, -1), False)
    multiply(layer.key, layer.key_bias, scratch.normed, scratch.key.reshape(tokens, -1), False)
    multiply(layer.value, layer.value_bias, scratch.normed, scratch.value.reshape(tokens, -1), False)
    rotate(scratch.query, cos, sin)
    rotate(scratch.key, cos, sin)
    store(scratch.key, keys, start)
    store(scratch.value, values, start)
    attend(scratch.query, keys, values, start, scaling, scratch.spans, scratch.attended)
    multiply(layer.out, none, scratch.attended.reshape(tokens, -1), hidden, True)
    normalize(hidden, layer.mlp_norm, eps, scratch.normed)
    multiply_gated(layer.gate, layer.up, scratch.normed, scratch.inner)
    multiply(layer.down, none, scratch.inner, hidden, True)
