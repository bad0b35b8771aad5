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
from numba import njit, prange
from numpy.typing import NDArray

from freqkv_cli.inference.cpu.matrices import Blocks, multiply, multiply_gated
from freqkv_cli.quantized.floats import SUMS, dot, exp, narrowed, widened

Array = NDArray[Any]

SPAN = 128  # slots that a thread takes at a time


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
