"""Reading in chunks and writing token by token equal one plain forward, and stop where they should."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from freqkv_cli.config import choices
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.prompt_lookup import LONGEST, PromptLookup
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policy import CompressionContext
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_models import tiny_model

GEOMETRY = Geometry(40, 4, 0, 0.5)


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model("llama")


def test_prefill_gives_the_last_logits_and_counts_chunks(model: PreTrainedModel) -> None:
    ids = random_ids(101)
    with torch.no_grad():
        expected = read_logits(model, new_cache(model, GEOMETRY), ids)[-1]
    cache = new_cache(model, GEOMETRY)
    prefill = Engine(model, chunk=16).prefill(cache, ids)
    sizes = []
    while True:
        try:
            sizes.append(next(prefill))
        except StopIteration as end:
            logits = end.value
            break
    torch.testing.assert_close(logits, expected, atol=2e-5, rtol=0)
    assert sum(sizes) == 101
    assert max(sizes) == 16
    assert cache.tokens_seen == 101


def test_reading_is_lazy(model: PreTrainedModel) -> None:
    taken = 0

    def ids() -> Iterator[int]:
        nonlocal taken
        for token in itertools.cycle(random_ids(50)):
            taken += 1
            yield token

    prefill = Engine(model, chunk=16).prefill(new_cache(model, GEOMETRY), ids())
    for chunks in (1, 2):
        next(prefill)
        assert taken == 16 * chunks


def test_a_full_cache_is_only_compressed_when_there_is_more_to_read(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY)
    engine = Engine(model, chunk=16)
    engine.read(cache, random_ids(40))
    assert (cache.room, cache.compressions) == (0, 0)
    engine.read(cache, random_ids(1))
    assert cache.compressions == 1


def test_nothing_to_read_gives_no_logits(model: PreTrainedModel) -> None:
    assert Engine(model).read(new_cache(model, GEOMETRY), []) is None


def write(
    model: PreTrainedModel, sampling: Sampling, *, count: int = 30, stop: frozenset[int] = frozenset()
) -> list[int]:
    cache, engine = new_cache(model, GEOMETRY), Engine(model)
    logits = engine.read(cache, random_ids(33))
    assert logits is not None
    return list(engine.decode(cache, logits, Sampler(sampling), stop=stop, max_tokens=count))


def test_greedy_decoding_equals_reading_what_was_written(model: PreTrainedModel) -> None:
    written = write(model, Sampling())
    ids = random_ids(33) + written
    with torch.no_grad():
        logits = read_logits(model, new_cache(model, GEOMETRY), ids)
    assert logits[32:-1].argmax(-1).tolist() == written


def test_decoding_stops_before_a_stop_token(model: PreTrainedModel) -> None:
    written = write(model, Sampling())
    stop = written[10]
    assert write(model, Sampling(), stop=frozenset({stop})) == written[: written.index(stop)]


def write_from(model: PreTrainedModel, context: list[int], count: int, stop: frozenset[int] = frozenset()) -> list[int]:
    cache, engine = new_cache(model, GEOMETRY), Engine(model)
    logits = engine.read(cache, random_ids(33))
    assert logits is not None
    answer = list(engine.decode(cache, logits, Sampler(Sampling()), stop=stop, max_tokens=count, context=context))
    assert cache.tokens_seen == 33 + len(answer) - (0 if stop else 1)
    return answer


@pytest.mark.parametrize("count", [1, 2, 9, 30])
def test_guessing_from_the_context_changes_no_token(model: PreTrainedModel, count: int) -> None:
    plain = write(model, Sampling(), count=count)
    wrong = [token for pair in zip(plain, random_ids(count), strict=True) for token in pair]
    for context in (plain, plain[:20] + random_ids(9) + plain, wrong, random_ids(50)):
        assert write_from(model, context, count) == plain
    stop = plain[-1]
    assert write_from(model, plain * 2, count, frozenset({stop})) == plain[: plain.index(stop)]


@pytest.mark.parametrize("tokens", [56, 57, 58, 59])
@pytest.mark.parametrize("policy", choices("policy"))
def test_rejected_guesses_leave_no_trace_under_any_policy(
    model: PreTrainedModel, policy: str, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same tokens, the same cache, and in every round a policy is told the same as without guessing."""
    plain, told = write_under(policy, model, tokens, [])
    answer = plain.pop()

    def half_wrong(_: PromptLookup, picked: Sequence[int], most: int, stop: frozenset[int]) -> list[int]:
        right = answer[len(picked) : len(picked) + len(picked) % 4]
        return [*right, *((token + 1) % 128 for token in answer[len(picked) + len(right) :])][: min(most, LONGEST)]

    monkeypatch.setattr(PromptLookup, "guess", half_wrong)
    guessed, told_too = write_under(policy, model, tokens, answer)
    assert guessed.pop() == answer
    for mine, theirs in zip(told, told_too, strict=True):
        assert (mine.kept, mine.tokens, mine.layer) == (theirs.kept, theirs.tokens, theirs.layer)
        torch.testing.assert_close(mine.attention, theirs.attention, atol=1e-5, rtol=1e-4)
    for keys, other_keys in zip(plain, guessed, strict=True):
        torch.testing.assert_close(keys, other_keys, atol=1e-4, rtol=0)


def write_under(
    policy: str, model: PreTrainedModel, tokens: int, context: list[int]
) -> tuple[list[Any], list[CompressionContext]]:
    """Return the keys of each layer after an answer, the answer, and what the policy was told in each round."""
    cache = new_cache(model, Geometry(200) if policy == "full" else Geometry(40, 4, 6, 0.5), policy)
    told: list[CompressionContext] = []
    own: Any = cache.policy
    compress = own.compress

    def listening(keys: torch.Tensor, values: torch.Tensor, length: int, past: CompressionContext) -> Any:
        told.append(past)
        return compress(keys, values, length, past)

    own.compress = listening
    engine = Engine(model, chunk=16)
    logits = engine.read(cache, random_ids(70))
    assert logits is not None
    words = engine.decode(cache, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=99, context=context)
    answer = list(itertools.islice(words, tokens))
    words.close()  # type: ignore[attr-defined]
    if own.evicts:
        cache.compress()  # before the cache is full, as where room is made for several tokens
    return [*(layer.keys for layer in cache.layers), answer], told


def test_a_right_guess_saves_forwards(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = write(model, Sampling())
    forwards: list[int] = []
    run = Engine.run

    def counted(engine: Engine, cache: FreqkvCache, ids: list[int], keep: int, *, few: bool = False) -> torch.Tensor:
        forwards.append(len(ids))
        return run(engine, cache, ids, keep, few=few)

    monkeypatch.setattr(Engine, "run", counted)
    assert write_from(model, plain, 30) == plain
    assert len(forwards) < 1 + 15
    assert max(forwards[1:]) == 1 + LONGEST


def test_leaving_in_the_middle_of_a_guess_leaves_the_cache_as_plain_decoding_does(model: PreTrainedModel) -> None:
    plain = write(model, Sampling())
    caches = []
    for context in ((), plain):
        cache, engine = new_cache(model, Geometry(80, 4, 0, 0.5)), Engine(model)
        logits = engine.read(cache, random_ids(33))
        assert logits is not None
        words = engine.decode(cache, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=30, context=context)
        for _ in range(12):
            next(words)
        words.close()  # type: ignore[attr-defined]
        caches.append(cache)
    assert caches[0].length == caches[1].length == 33 + 11
    for mine, theirs in zip(caches[0].layers, caches[1].layers, strict=True):
        torch.testing.assert_close(mine.keys, theirs.keys, atol=1e-5, rtol=0)


def test_a_sample_is_never_guessed(model: PreTrainedModel) -> None:
    warm = Sampling(temperature=1.5, seed=3)
    cache, engine = new_cache(model, GEOMETRY), Engine(model)
    logits = engine.read(cache, random_ids(33))
    assert logits is not None
    expected = write(model, warm)
    words = engine.decode(
        cache, logits, Sampler(warm), stop=frozenset(), max_tokens=30, context=random_ids(33) + expected
    )
    assert list(words) == expected


def test_a_seed_fixes_the_sample(model: PreTrainedModel) -> None:
    warm = Sampling(temperature=1.5, top_p=0.95, top_k=50, min_p=0.01, seed=3)
    assert write(model, warm) == write(model, warm)
    assert write(model, warm) != write(model, Sampling(temperature=1.5, seed=4))


def test_top_k_one_is_greedy(model: PreTrainedModel) -> None:
    assert write(model, Sampling(temperature=2.0, top_k=1, seed=0)) == write(model, Sampling())


def test_repetition_penalty_looks_at_the_answer() -> None:
    logits = torch.tensor([0.0, 2.0, 1.9])
    plain, penalised = Sampler(Sampling()), Sampler(Sampling(repetition_penalty=1.5))
    assert [plain.pick(logits) for _ in range(3)] == [1, 1, 1]
    assert [penalised.pick(logits) for _ in range(3)] == [1, 2, 1]


def test_scoring_continuations_leaves_the_observed_queries(model: PreTrainedModel) -> None:
    cache, engine = new_cache(model, Geometry(60), "landmarks"), Engine(model, chunk=16)
    logits = engine.read(cache, random_ids(40))
    assert logits is not None
    before = [cache.observation.queries(layer).clone() for layer in range(3)]
    engine.score_continuations(cache, [([4], [[5], [7, 8, 9]])])
    assert cache.observation.count(0) == cache.policy.observation_window
    assert all(torch.equal(cache.observation.queries(layer), before[layer]) for layer in range(3))


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma", "phi3", "granite"])
def test_continuations_are_scored_side_by_side_as_if_alone(architecture: str) -> None:
    model = tiny_model(architecture)
    engine = Engine(model, chunk=16)
    cache = new_cache(model, GEOMETRY)
    engine.read(cache, random_ids(70))
    cache.make_room(17)
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    prompts = [([4, 6], [[5], [7, 8, 9], [7, 8], [50, 3]]), ([8], [[5, 3], [6]])]
    for (prompt, continuations), scores in zip(prompts, engine.score_continuations(cache, prompts), strict=True):
        for ids, likelihood in zip(continuations, scores, strict=True):
            fork, expected = cache.fork(), 0.0
            last = engine.read(fork, prompt)
            for token in ids:
                assert last is not None
                expected += float(last.detach().log_softmax(-1)[token])
                last = engine.forward(fork, [token])
            assert likelihood == pytest.approx(expected, abs=1e-4)
    assert all(
        torch.equal(layer.keys, keys) and torch.equal(layer.values, values)
        for layer, (keys, values) in zip(cache.layers, before, strict=True)
    )


def test_the_engine_lets_a_policy_observe(model: PreTrainedModel) -> None:
    cache, plain = new_cache(model, Geometry(60), "morph"), new_cache(model, Geometry(60), "morph")
    engine = Engine(model, chunk=16)
    logits = engine.read(cache, random_ids(40))
    assert logits is not None
    written = list(engine.decode(cache, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=9))
    with torch.no_grad():
        read_logits(model, plain, [*random_ids(40), *written[:-1]])
    for layer in range(3):
        seen = cache.observation.attention(layer, cache.layers[layer].keys)
        expected = plain.observation.attention(layer, plain.layers[layer].keys)
        assert seen is not None
        assert expected is not None
        torch.testing.assert_close(seen, expected, atol=1e-4, rtol=0)
