"""Learns which rows will be looked at from far away, by their keys and values: for policies that keep those.

Texts with facts and questions in them are read with nothing compressed. For each row and key head, what is wanted is
the most that any query from far behind it attends to it; a linear function of the row is fitted to the logarithm of
that, by least squares (see kvcache/importance.py). No gradients, one forward for each sequence.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.events import Event
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.importance import features
from freqkv_cli.kvcache.policies.full import FullPolicy
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.training.sequences import Sample, Samples

FAR = 256  # tokens between a row and the queries that count; half of a short sequence
SHARE = 0.75  # of the sequences that hold facts and questions about them
FLOOR = 1e-3  # attention below this is all the same
RIDGE = 1e-4  # of the mean square of the features
HELD_OUT = 10  # every so manieth sequence is not learnt from, but tells how well it went
SINKS = 8  # first rows that are looked at whatever they hold
TILE = 256  # queries whose attention exists at a time


class WatchedPolicy(FullPolicy):
    """Forgets nothing, and has the queries of the last `most` tokens kept."""

    def __init__(self, most: int) -> None:
        self.observation_window = most


@dataclass(slots=True)
class LeastSquares:
    """Normal equations of one linear function per layer and head, in fp64."""

    products: dict[int, Tensor] = field(default_factory=dict)  # [heads, features, features]
    targets: dict[int, Tensor] = field(default_factory=dict)  # [heads, features]

    def add(self, layer: int, rows: Tensor, wanted: Tensor) -> None:
        """Take in rows [heads, n, features] and what is wanted of them, [heads, n]."""
        rows, wanted = rows.double(), wanted.double()
        products, targets = rows.mT @ rows, (rows.mT @ wanted.unsqueeze(-1)).squeeze(-1)
        self.products[layer] = products + self.products.get(layer, 0.0)
        self.targets[layer] = targets + self.targets.get(layer, 0.0)

    def solve(self) -> Tensor:
        """Return the functions, [layers, heads, features] in fp32 on the CPU."""
        solved = []
        for layer in sorted(self.products):
            products = self.products[layer]
            ridge = RIDGE * products.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
            eye = torch.eye(products.shape[-1], dtype=products.dtype, device=products.device)
            solved.append(torch.linalg.solve(products + ridge * eye, self.targets[layer]).float().cpu())
        return torch.stack(solved)


def fit_importance(
    model: Any, samples: Samples, length: int, count: int, name: str
) -> Generator[Event, None, tuple[Tensor, float]]:
    """Read `count` sequences, cut to `length` tokens; yield progress, and return the weights, [layers, kv_heads,
    features], and the share of the variance that they explain in sequences that they were not fitted to.
    """
    samples = replace(samples, share=SHARE)
    learnt, kept = LeastSquares(), []
    began = time.perf_counter()
    for number in range(count):
        sample = samples.take(number)
        for layer, rows, wanted in looked_at(watch(model, sample, length), sample):
            if number % HELD_OUT == HELD_OUT - 1:
                kept.append((layer, rows, wanted))
            else:
                learnt.add(layer, rows, wanted)
        yield reading_progress(f"{name}: what to keep", (number + 1) * length, count * length, began, "training")
    weights = learnt.solve()
    return weights, explained(weights, kept)


@torch.no_grad()
def watch(model: Any, sample: Sample, length: int) -> FreqkvCache:
    """Return a cache that holds all of a sample, and the queries of all of its tokens."""
    slots = Geometry(length, sink_tokens=0)
    cache = make_cache(model, slots, WatchedPolicy(length), window=length)
    Engine(model).read(cache, sample.ids[:length].tolist())
    return cache


@torch.no_grad()
def looked_at(cache: FreqkvCache, sample: Sample) -> Generator[tuple[int, Tensor, Tensor], None, None]:
    """Yield for each layer its number, the features of its rows, and what is wanted of them.

    Rows near the end are left out: hardly anything comes after them. features [kv_heads, n, features], wanted
    [kv_heads, n].
    """
    length = cache.length
    far = min(FAR, length // 4)
    counted = slice(min(SINKS, far), length - 2 * far)
    weights = sample.weights[:length]
    for number, layer in enumerate(cache.layers):
        keys, values = layer.keys[0], layer.values[0]
        queries = cache.observation.queries(number)[0]
        seen = far_attention(queries, keys, weights.to(keys.device), far)
        free = cache.rotation.to(keys.device).unrotate(keys, 0)
        rows = features(free, values)[:, counted]
        yield number, rows, torch.log(seen[:, counted] + FLOOR)


def far_attention(queries: Tensor, keys: Tensor, weights: Tensor, far: int) -> Tensor:
    """Return the most attention that any query at least `far` tokens behind it pays to each key, [kv_heads, T] in fp32.

    Args:
        queries: [heads, T, head_dim], scaled and rotated.
        keys: [kv_heads, T, head_dim], rotated.
        weights: [T], how much each query counts (what it is to foretell may matter more, or not at all).
        far: tokens.
    """
    heads, length, head_dim = queries.shape
    kv_heads = keys.shape[0]
    grouped = queries.reshape(kv_heads, heads // kv_heads, length, head_dim)
    found = torch.zeros(kv_heads, length, device=keys.device)
    places = torch.arange(length, device=keys.device)
    for start in range(0, length, TILE):
        rows = places[start : start + TILE, None]
        seen = places[None, : start + len(rows)]
        tile = grouped[:, :, start : start + TILE].reshape(kv_heads, -1, head_dim)
        scores = (tile @ keys[:, : seen.shape[1]].mT).float().view(kv_heads, -1, len(rows), seen.shape[1])
        attention = scores.masked_fill_(seen > rows, float("-inf")).softmax(-1).amax(1)
        counting = attention.masked_fill(rows - seen < far, 0.0) * weights[start : start + TILE, None]
        found[:, : seen.shape[1]] = torch.maximum(found[:, : seen.shape[1]], counting.amax(1))
    return found


def explained(weights: Tensor, kept: list[tuple[int, Tensor, Tensor]]) -> float:
    """Return the share of the variance (around the mean of each head and sequence) that the functions explain."""
    missed = total = 0.0
    for layer, rows, wanted in kept:
        told = (rows @ weights[layer].to(rows.device).unsqueeze(-1)).squeeze(-1)
        missed += float((wanted - told).square().sum())
        total += float((wanted - wanted.mean(-1, keepdim=True)).square().sum())
    return 1 - missed / total if total else 0.0
