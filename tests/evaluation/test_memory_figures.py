"""What readings come to, against plain loops over lists."""

import math
import random

import numpy as np
import pytest

from freqkv_cli.evaluation.memory_figures import (
    AGES,
    ALL,
    BLOCK,
    fact_figures,
    figures,
    parts,
    text_figures,
)
from freqkv_cli.evaluation.memory_reading import MemoryReading
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.measurement.policy_specs import PolicySpec
from tests.evaluation.plain_bootstrap import plain_bootstrap

NAN = math.nan
FULL, FREQKV = (PolicySpec(name, name, Geometry(100), None) for name in ("full", "freqkv"))


def reading(losses: list[float], ranks: dict[tuple[int, int], int] | None = None, size: int = 0) -> MemoryReading:
    return MemoryReading(np.array(losses), ranks or {}, size)


def test_perplexity_and_ratio_are_those_of_plain_loops() -> None:
    source = random.Random(3)
    own = [NAN, *(source.expovariate(0.5) for _ in range(20 * BLOCK - 1))]
    other = [loss * source.uniform(0.8, 1.1) for loss in own]
    wanted = [source.random() < 0.5 for _ in own]
    found = text_figures(np.array(own), np.array(other), np.array(wanted), seed=1)

    def per_block(values: list[float]) -> list[list[float]]:
        cut = [range(start, start + BLOCK) for start in range(0, len(values), BLOCK)]
        return [[values[at] for at in places if wanted[at] and not math.isnan(values[at])] for places in cut]

    def perplexity(blocks: list[list[float]]) -> float:
        flat = [value for block in blocks for value in block]
        return math.exp(math.fsum(flat) / len(flat))

    levels, differences = per_block(own), per_block([one - two for one, two in zip(own, other, strict=True)])
    assert found["tokens"] == sum(map(len, levels))
    assert found["perplexity"] == pytest.approx(perplexity(levels), abs=1e-4)
    assert found["ratio"] == pytest.approx(perplexity(differences), abs=1e-4)
    low, high = found["ci95"]
    assert (low, high) == pytest.approx(plain_bootstrap(levels, perplexity, 1000), rel=0.02)
    assert found["ratio_ci95"] == pytest.approx(plain_bootstrap(differences, perplexity, 1000), rel=0.003)
    assert found["ratio_ci95"][1] - found["ratio_ci95"][0] < (high - low) / found["perplexity"]  # as they are paired


def test_ratios_are_on_what_both_have_read() -> None:
    all_tokens = np.full(4 * BLOCK, True)
    reference = np.random.default_rng(0).random(4 * BLOCK)
    worse = reference + math.log(1.1)
    worse[3 * BLOCK :] = NAN
    found = text_figures(worse, reference, all_tokens, seed=1)
    assert (found["tokens"], found["ratio"], found["ratio_ci95"]) == (3 * BLOCK, 1.1, [1.1, 1.1])


def test_positions_and_ages_of_tokens() -> None:
    within, to_four, over, new = AGES
    ids = [5, 9, 5, 0, 0, 0, 5, *[0] * 20, 5, 7]
    found = parts(ids, 3, lambda token: token != 9)
    aged = {at: [age for age in AGES if found[age][at]] for at in range(len(ids))}
    assert {at: ages for at, ages in aged.items() if ages} == {
        0: [new],
        2: [within],
        6: [to_four],
        27: [over],
        28: [new],
    }  # 9 has no letter, 0 is frequent
    many = parts([1, 2] * 3000, 3, lambda _: True)
    assert not any(many[age].any() for age in AGES)
    assert [int(many[part].sum()) for part in (ALL, "0-4K", "4-8K", "8-16K")] == [6000, 4096, 1904, 0]


def test_recognition_is_told_above_chance() -> None:
    right, wrong = reading([], {(0, 1): 0, (1, 1): 0, (0, 2): 0}), reading([], {(0, 1): 3, (1, 1): 1, (0, 2): 0})
    found = fact_figures(right, wrong, (1, 2), seed=1)
    assert (found["right"], found["asked"], found["above_chance"], found["ci95"]) == (3, 3, 1.0, [1.0, 1.0])
    assert found["ratio"] == pytest.approx(1 / ((1 / 3 - 1 / 8) / (7 / 8)), abs=1e-4)
    assert found["ratio_ci95"][1] is None  # where the second fact alone is drawn, the reference is below chance
    at_one = fact_figures(right, wrong, (1,), seed=1)
    assert (at_one["asked"], at_one["ratio"]) == (2, None)
    assert fact_figures(wrong, right, (1,), seed=1)["above_chance"] == pytest.approx(-1 / 7, abs=1e-4)


def test_facts_are_drawn_whole_and_paired() -> None:
    source = random.Random(8)
    known = {(fact, distance): source.randrange(2) for fact in range(40) for distance in (1, 2, 4)}
    better = {one: 0 if source.random() < 0.3 else rank for one, rank in known.items()}
    del better[39, 4]
    found = fact_figures(reading([], better), reading([], known), (1, 2, 4), seed=1)
    facts = [
        [(better[fact, d] == 0, known[fact, d] == 0) for d in (1, 2, 4) if (fact, d) in better] for fact in range(40)
    ]

    def above(drawn: list[list[tuple[bool, bool]]], which: int) -> float:
        flat = [pair[which] for fact in drawn for pair in fact]
        return (sum(flat) / len(flat) - 1 / 8) * 8 / 7

    assert found["above_chance"] == pytest.approx(above(facts, 0), abs=1e-4)
    assert found["ratio"] == pytest.approx(above(facts, 0) / above(facts, 1), abs=1e-4)
    assert found["ci95"] == pytest.approx(plain_bootstrap(facts, lambda drawn: above(drawn, 0)), abs=0.02)
    ratios = plain_bootstrap(facts, lambda drawn: above(drawn, 0) / above(drawn, 1))
    assert found["ratio_ci95"] == pytest.approx(ratios, abs=0.05)


def test_all_documents_are_the_sum_of_each() -> None:
    masks = [parts(list(range(size)), 4, lambda _: False) for size in (300, 200)]
    readings = {
        ("full", 0): reading([NAN, *[1.0] * 299], {(0, 1): 0}, 7),
        ("full", 1): reading([NAN, *[2.0] * 199], {(0, 1): 5}, 9),
        ("freqkv", 0): reading([NAN, *[1.5] * 299], {(0, 1): 1}, 8),
    }
    rows = figures(readings, [FULL, FREQKV], masks, ["a", "b"], "full", 1)
    assert [(row["document"], row["policy"]) for row in rows] == [
        ("a", "full"),
        ("a", "freqkv"),
        ("b", "full"),
        (None, "full"),
        (None, "freqkv"),
    ]
    both, other = rows[3], rows[4]
    assert both["text"][ALL]["tokens"] == 498
    assert both["text"][ALL]["perplexity"] == pytest.approx(math.exp((299 + 2 * 199) / 498), abs=1e-4)
    assert (both["facts"][ALL]["right"], both["facts"][ALL]["asked"], both["cache_bytes"]) == (1, 2, 9)
    assert other["text"][ALL]["ratio"] == pytest.approx(math.exp(0.5), abs=1e-4)
    assert "4-8K" not in both["text"]
    assert "2 N" not in both["facts"]
