"""What readings come to: perplexities, and how far above chance facts are recognised, each beside the reference's."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqkv_cli.evaluation.facts import OTHERS
from freqkv_cli.evaluation.memory_reading import DISTANCES, MemoryReading
from freqkv_cli.measurement.bootstrap import Figures, estimate
from freqkv_cli.measurement.policy_specs import PolicySpec

BLOCK = 128  # tokens in a row that are drawn together: losses of neighbours are not independent
POSITIONS = ("0-4K", "4-8K", "8-16K", "16-32K", "over 32K")
EDGES = (4096, 8192, 16384, 32768)  # between them
AGES = ("within N", "N to 4 N", "over 4 N", "first time")
RARE = 1000  # a token is rare when it makes up no more than one in so many of the text's,
FEW = 4  # or stands there no more often than this
CHANCE = 1 / (OTHERS + 1)
ALL = "all"

Masks = dict[str, NDArray[np.bool_]]


def parts(ids: Sequence[int], slots: int, counts: Callable[[int], bool]) -> Masks:
    """Return which tokens belong to each part of a text: all, those between two positions, and rare ones by their age:
    how far back, in units of `slots`, the same token stood last. Tokens of which `counts` is not true are never rare.
    """
    often = Counter(ids)
    rare = {token for token, number in often.items() if number <= max(FEW, len(ids) / RARE) and counts(token)}
    place, ages, last = np.arange(len(ids)), np.full(len(ids), len(AGES)), dict[int, int]()
    for at, token in enumerate(ids):
        if token in rare:
            distance = at - last[token] if token in last else np.inf
            ages[at] = np.searchsorted((slots, 4 * slots, np.finfo(float).max), distance)
            last[token] = at
    positions = np.searchsorted(EDGES, place, side="right")
    return {
        ALL: np.full(len(ids), True),
        **{name: positions == number for number, name in enumerate(POSITIONS)},
        **{name: ages == number for number, name in enumerate(AGES)},
    }


def figures(
    readings: Mapping[tuple[str, int], MemoryReading],
    specs: Sequence[PolicySpec],
    masks: Sequence[Masks],
    names: Sequence[str],
    reference: str,
    seed: int,
) -> list[dict[str, Any]]:
    """Return a row for each text and policy, and for each policy on all texts, where there are several."""
    scopes = [[number] for number in range(len(names))] + ([list(range(len(names)))] if len(names) > 1 else [])
    rows = []
    for scope in scopes:
        here = {part: np.concatenate([masks[number][part] for number in scope]) for part in masks[0]}
        lengths = [len(masks[number][ALL]) for number in scope]
        theirs = joined(readings, reference, scope, lengths)
        for spec in specs:
            own = joined(readings, spec.label, scope, lengths)
            if np.isnan(own.losses).all():
                continue
            text = {part: text_figures(own.losses, theirs.losses, mask, seed) for part, mask in here.items()}
            facts = {
                name: fact_figures(own, theirs, distances, seed)
                for name, distances in [(ALL, DISTANCES), *((f"{one} N", (one,)) for one in DISTANCES)]
            }
            rows.append(
                {
                    "document": names[scope[0]] if len(scope) == 1 else None,
                    "policy": spec.label,
                    "adapter": spec.adapter,
                    "cache_size": spec.geometry.cache_size,
                    "recent_tokens": spec.geometry.recent_tokens,
                    "cache_bytes": own.cache_bytes,
                    "text": {part: one for part, one in text.items() if one["tokens"]},
                    "facts": {part: one for part, one in facts.items() if one["asked"]},
                }
            )
    return rows


def joined(
    readings: Mapping[tuple[str, int], MemoryReading], label: str, scope: Sequence[int], lengths: Sequence[int]
) -> MemoryReading:
    """Return a policy's readings of some texts as if they were one, with NaN for what it has not read of them."""
    whole, start = MemoryReading(np.full(sum(lengths), np.nan)), 0
    for number, length in zip(scope, lengths, strict=True):
        if (one := readings.get((label, number))) is not None:
            whole.losses[start : start + length] = one.losses
            whole.ranks |= {(start + fact, distance): rank for (fact, distance), rank in one.ranks.items()}
            whole.cache_bytes = max(whole.cache_bytes, one.cache_bytes)
        start += length  # more than a text has facts
    return whole


def text_figures(losses: Figures, reference: Figures, mask: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """Return the perplexity of the tokens in `mask` and its ratio to the reference's on those that both have read,
    paired token by token; blocks of tokens are drawn.
    """
    read = mask & ~np.isnan(losses)
    both = read & ~np.isnan(reference)
    perplexity, ends = estimate(blocks(losses, read), lambda total, count: np.exp(total / count), seed)
    ratio, ratio_ends = estimate(blocks(losses - reference, both), lambda total, count: np.exp(total / count), seed)
    return {
        "tokens": int(read.sum()),
        "perplexity": perplexity,
        "ci95": ends,
        "ratio": ratio,
        "ratio_ci95": ratio_ends,
    }


def blocks(values: Figures, mask: NDArray[np.bool_]) -> Figures:
    """Return the sum and the number of the masked values in each block that has some, [blocks, 2]."""
    starts = np.arange(0, len(values), BLOCK)
    units = np.stack([np.add.reduceat(np.where(mask, values, 0.0), starts), np.add.reduceat(mask, starts, dtype=float)])
    return units.T[units[1] > 0]


def fact_figures(own: MemoryReading, reference: MemoryReading, distances: Sequence[int], seed: int) -> dict[str, Any]:
    """Return how far above chance facts are recognised, and its ratio to the reference's on the questions that both
    were asked; facts are drawn. The ratio is None where the reference's is not above chance.
    """
    units: dict[int, list[float]] = {}
    for (fact, distance), rank in own.ranks.items():
        if distance in distances:
            paired = (fact, distance) in reference.ranks
            columns = (rank == 0, 1, paired and rank == 0, paired and reference.ranks[fact, distance] == 0, paired)
            units[fact] = [one + float(more) for one, more in zip(units.get(fact, [0.0] * 5), columns, strict=True)]
    table = np.array(list(units.values())).reshape(-1, 5)
    level, ends = estimate(table[:, :2], above_chance, seed)
    ratio, ratio_ends = estimate(table[table[:, 4] > 0, 2:], ratio_above_chance, seed)
    right, asked = (int(one) for one in table[:, :2].sum(axis=0))
    return {
        "right": right,
        "asked": asked,
        "above_chance": level,
        "ci95": ends,
        "ratio": ratio,
        "ratio_ci95": ratio_ends,
    }


def above_chance(right: Any, asked: Any) -> Any:
    """Return 0 for a share that guessing has, 1 for all."""
    return (right / asked - CHANCE) / (1 - CHANCE)


def ratio_above_chance(right: Any, reference: Any, asked: Any) -> Any:
    """Return how many times as far above chance; infinity where the reference's is not above it."""
    mine, theirs = above_chance(right, asked), above_chance(reference, asked)
    return np.where(theirs > 0, mine / theirs, np.inf)
