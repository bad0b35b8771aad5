"""Perplexity from losses: against numbers worked out by hand and against a plain model."""

import math
import random

import pytest
import torch

from freqkv_cli.evaluation.losses import read_losses
from freqkv_cli.evaluation.perplexity_statistics import (
    AGES,
    BLOCK,
    ages,
    by_age,
    by_position,
    compare,
    interval,
    perplexity,
)
from freqkv_cli.events import run_to_end
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.measurement.rates import Z
from tests.kvcache.reading import new_cache, random_ids
from tests.tiny_models import tiny_model


def test_losses_are_those_of_the_plain_model() -> None:
    model, ids = tiny_model("llama"), random_ids(60)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    expected = -logits.log_softmax(-1)[torch.arange(59), torch.tensor(ids[1:])]
    for chunk in (1, 7, 64):
        losses = run_to_end(read_losses(Engine(model, chunk), new_cache(model, Geometry(60), "full"), ids))
        torch.testing.assert_close(torch.tensor(list(losses), dtype=torch.float32), expected, atol=1e-4, rtol=0)


def test_losses_do_not_depend_on_chunks_across_compressions() -> None:
    model, ids = tiny_model("llama"), random_ids(150)
    whole, cut = (
        run_to_end(read_losses(Engine(model, chunk), new_cache(model, Geometry(40)), ids)) for chunk in (40, 3)
    )
    assert len(whole) == 149
    assert list(cut) == pytest.approx(list(whole), abs=1e-4)


def test_perplexity_and_interval() -> None:
    assert perplexity([]) is None
    assert perplexity([math.log(8.0)] * 3) == pytest.approx(8.0)
    assert interval([1.0] * BLOCK) is None
    losses = [1.0] * BLOCK + [3.0] * BLOCK  # means 1 and 3: deviation sqrt(2), standard error 1
    low, high = interval(losses) or (0.0, 0.0)
    assert (math.log(low), math.log(high)) == pytest.approx((2 - 1.96, 2 + 1.96), abs=1e-3)


def test_the_interval_covers_the_truth_in_95_of_100_cases() -> None:
    source = random.Random(1)
    covered = 0
    for _ in range(200):
        low, high = interval([source.expovariate(1.0) for _ in range(20 * BLOCK)]) or (0.0, 0.0)
        covered += low < math.e < high
    assert 180 <= covered <= 199


def test_pairs_are_compared_on_the_tokens_that_both_have_read() -> None:
    reference = [random.Random(0).random() for _ in range(4 * BLOCK)]
    worse = [loss + math.log(1.1) for loss in reference][: 3 * BLOCK]
    found = compare(worse, reference)
    assert found == {"ratio": 1.1, "ratio_ci95": [1.1, 1.1]}


def test_positions_count_the_token_that_is_foretold() -> None:
    losses = [0.0] * 4095 + [1.0] * 10  # of tokens 1 to 4095, and from 4096 on
    assert by_position(losses) == [
        {"from": 0, "to": 4096, "tokens": 4095, "perplexity": 1.0},
        {"from": 4096, "to": 8192, "tokens": 10, "perplexity": 2.7183},
    ]


def test_ages_are_distances_to_the_same_token() -> None:
    within, to_four, over, new = AGES
    ids = [5, 9, 5, 0, 0, 0, 5, *[0] * 20, 5, 7]
    found = ages(ids, 3, lambda token: token != 9)
    assert [found[place - 1] for place in (1, 2, 6, 27, 28)] == [None, within, to_four, over, new]
    assert set(found[2:5]) == {None}  # frequent
    many = ages([1, 2] * 3000, 3, lambda _: True)
    assert set(many) == {None}


def test_perplexity_by_age() -> None:
    within, _, _, new = AGES
    rows = by_age([0.0, math.log(4.0), 9.0], [new, within, None], [0.0, math.log(2.0), 1.0])
    assert [row["ratio"] for row in rows] == [2.0, None, None, 1.0]
    assert {row["ratio_ci95"] for row in rows} == {None}  # of one token
    (row, *_) = by_age([1.0, 3.0], [within, within], [0.0, 0.0])
    assert row["ratio_ci95"] == [round(math.exp(2 - Z), 4), round(math.exp(2 + Z), 4)]
    assert [(row["age"], row["tokens"], row["perplexity"]) for row in rows] == [
        (within, 1, 4.0),
        (AGES[1], 0, None),
        (AGES[2], 0, None),
        (new, 1, 1.0),
    ]
