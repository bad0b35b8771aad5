"""Steps in static shapes write what ordinary forwards write, and leave the cache as they do."""

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.inference.static_step import WORTHWHILE, StaticStep, StaticSteps
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.geometry import Geometry
from tests.kvcache.reading import new_cache, random_ids
from tests.tiny_models import tiny_model


def write(
    model: PreTrainedModel, count: int, *, static: bool, policy: str = "freqkv", sampling: Sampling | None = None
) -> tuple[list[int], FreqkvCache, Engine]:
    """Return an answer behind 33 tokens, the cache after it, and the engine."""
    cache, engine = new_cache(model, Geometry(40, 4, 6, 0.5), policy), Engine(model, chunk=16, static=static)
    logits = engine.read(cache, random_ids(33))
    assert logits is not None
    sampler = Sampler(sampling or Sampling())
    written = engine.decode(cache, logits, sampler, stop=frozenset(), max_tokens=count, context=random_ids(33))
    return list(written), cache, engine


@pytest.fixture
def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The slots that were in use at each step."""
    taken: list[int] = []
    forward = StaticStep.forward

    def counted(step: StaticStep, cache: FreqkvCache, ids: torch.Tensor) -> torch.Tensor:
        taken.append(cache.length)
        return forward(step, cache, ids)

    monkeypatch.setattr(StaticStep, "forward", counted)
    return taken


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3", "gemma", "granite", "phi3"])
def test_the_same_tokens_and_the_same_cache(architecture: str, steps_taken: list[int]) -> None:
    model = tiny_model(architecture)
    ordinary, cache, _ = write(model, 60, static=False)
    static, its_cache, engine = write(model, 60, static=True)
    assert engine.notes == []
    assert len(steps_taken) == 1 + 59  # the first one is compared with an ordinary forward
    assert static == ordinary
    assert (its_cache.tokens_seen, its_cache.compressions) == (cache.tokens_seen, cache.compressions)
    assert cache.compressions > 1
    for mine, theirs in zip(its_cache.layers, cache.layers, strict=True):
        torch.testing.assert_close(mine.keys, theirs.keys, atol=1e-4, rtol=0)


@pytest.mark.parametrize("policy", ["landmarks", "morph"])
def test_policies_that_observe_are_told_the_same_queries(policy: str, steps_taken: list[int]) -> None:
    model = tiny_model("llama")
    ordinary, cache, _ = write(model, 50, static=False, policy=policy)
    static, its_cache, _ = write(model, 50, static=True, policy=policy)
    assert steps_taken
    assert static == ordinary
    for layer in range(3):
        torch.testing.assert_close(
            its_cache.observation.queries(layer), cache.observation.queries(layer), atol=1e-4, rtol=0
        )
        assert its_cache.observation._known[layer].length == its_cache.length


def test_a_sample_is_the_same_sample(steps_taken: list[int]) -> None:
    model, warm = tiny_model("llama"), Sampling(temperature=1.5, repetition_penalty=1.2, seed=3)
    assert write(model, 40, static=True, sampling=warm)[0] == write(model, 40, static=False, sampling=warm)[0]
    assert steps_taken


def test_leaving_early_leaves_all_but_the_last_token(steps_taken: list[int]) -> None:
    model = tiny_model("llama")
    cache, engine = new_cache(model, Geometry(80), "landmarks"), Engine(model, static=True)
    logits = engine.read(cache, random_ids(33))
    assert logits is not None
    words: Any = engine.decode(cache, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=30)
    for _ in range(12):
        next(words)
    words.close()
    assert cache.length == 33 + 11
    assert cache.observation._known[0].length == cache.length


def test_a_short_answer_is_not_worth_it(steps_taken: list[int]) -> None:
    write(tiny_model("llama"), WORTHWHILE - 1, static=True)
    assert not steps_taken


def test_a_cache_that_is_gone_leaves_no_step(steps_taken: list[int]) -> None:
    _, cache, engine = write(tiny_model("llama"), 20, static=True)
    steps = engine._steps
    assert len(steps._steps) == 1
    del cache
    assert len(steps._steps) == 0


@pytest.mark.parametrize("error", [RuntimeError("no kernel for this\nand more"), TypeError("no such argument")])
def test_what_cannot_be_captured_is_written_the_ordinary_way(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    ordinary, *_ = write(model, 30, static=False)

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(StaticStep, "_compute", fail)
    static, _, engine = write(model, 30, static=True)
    assert static == ordinary
    assert [note.endswith(f"graph: {str(error).splitlines()[0]}") for note in engine.notes] == [True]


def test_wrong_numbers_are_found_and_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    ordinary, *_ = write(model, 30, static=False)
    forward = StaticStep.forward
    monkeypatch.setattr(StaticStep, "forward", lambda *given: forward(*given).roll(1, -1))
    static, _, engine = write(model, 30, static=True)
    assert static == ordinary
    assert "its numbers are not those of an ordinary forward" in engine.notes[0]


def test_a_growing_cache_has_no_step() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, Geometry(40), "freqkv", differentiable=True)
    Engine(model).read(cache, random_ids(10))
    assert StaticSteps(model, "cache", []).step(cache) is None


@pytest.mark.gpu
@pytest.mark.parametrize("policy", ["freqkv", "landmarks"])
def test_a_captured_graph_writes_what_ordinary_forwards_write(policy: str) -> None:
    model = tiny_model("llama").to("cuda")
    ordinary, cache, _ = write(model, 60, static=False, policy=policy)
    static, its_cache, engine = write(model, 60, static=True, policy=policy)
    assert engine.notes == []
    assert static == ordinary
    assert engine._steps._steps[its_cache]._graph is not None
    for mine, theirs in zip(its_cache.layers, cache.layers, strict=True):
        torch.testing.assert_close(mine.keys, theirs.keys, atol=1e-3, rtol=0)
