"""The invariants at the top of kvcache/cache.py, and what the rest of the program relies on."""

from typing import Any

import pytest
import torch
from transformers import DynamicCache, PreTrainedModel

from freqkv_cli.errors import UsageError
from freqkv_cli.inference.engine import cache_argument
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.layers import FixedLayer
from freqkv_cli.kvcache.policies import make_policy
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_models import tiny_model

GEOMETRY = Geometry(cache_size=40, sink_tokens=4, recent_tokens=6, retain_ratio=0.5)


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model("llama")


def fixed_layers(cache: FreqkvCache) -> list[Any]:
    return [layer for layer in cache.layers if isinstance(layer, FixedLayer)]


@torch.no_grad()
def read(model: PreTrainedModel, cache: FreqkvCache, ids: list[int], **cut: Any) -> torch.Tensor:
    return read_logits(model, cache, ids, **cut)


@pytest.mark.parametrize("policy", ["freqkv", "window"])
def test_i_equal_lengths_within_the_bound(model: PreTrainedModel, policy: str) -> None:
    cache = new_cache(model, GEOMETRY, policy)
    read(model, cache, random_ids(3))
    held = cache.nbytes
    for seed in range(12):
        read(model, cache, random_ids(31, seed), seed=seed)
        assert {layer.get_seq_length() for layer in cache.layers} == {cache.length}
        assert cache.length <= GEOMETRY.cache_size
    assert cache.nbytes == held == 3 * 2 * 2 * 40 * 16 * 4  # layers, k and v, heads, slots, channels, bytes
    assert cache.compressions > 10
    assert cache.tokens_seen == 3 + 12 * 31


def test_ii_no_position_reaches_the_cache_size(model: PreTrainedModel) -> None:
    seen: list[int] = []
    hook = model.base_model.rotary_emb.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(int(kwargs["position_ids"].max())), with_kwargs=True
    )
    cache = new_cache(model, GEOMETRY)
    seen.clear()
    read(model, cache, random_ids(300), seed=1)
    hook.remove()
    assert max(seen) == GEOMETRY.cache_size - 1


def test_iii_sinks_and_recent_tokens_stay(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY)
    read(model, cache, random_ids(GEOMETRY.cache_size))
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    cache.make_room()
    assert cache.length == 4 + 15 + 6
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys[..., :4, :], keys[..., :4, :])
        assert torch.equal(layer.values[..., :4, :], values[..., :4, :])
        assert torch.equal(layer.values[..., -6:, :], values[..., -6:, :])
        recent = cache.rotation.unrotate(layer.keys[..., -6:, :], 4 + 15)
        torch.testing.assert_close(recent, cache.rotation.unrotate(keys[..., -6:, :], 34), atol=1e-5, rtol=0)
        assert not torch.allclose(layer.values[..., 4:19, :], values[..., 4:19, :])


def test_iv_a_fork_never_changes_its_parent(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY)
    read(model, cache, random_ids(95))
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    counters = (cache.compressions, cache.tokens_seen, cache.room)
    fork = cache.fork()
    first = read(model, fork, random_ids(80, 1))
    again = read(model, cache.fork(), random_ids(80, 1))
    assert torch.equal(first, again)
    assert fork.compressions > cache.compressions
    assert counters == (cache.compressions, cache.tokens_seen, cache.room)
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)
    assert {a.key_slots.data_ptr() for a in fixed_layers(cache)}.isdisjoint(
        b.key_slots.data_ptr() for b in fixed_layers(fork)
    )


def test_a_fork_can_be_used_again_in_the_same_bytes(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY)
    read(model, cache, random_ids(95))
    fork = cache.fork()
    first = read(model, fork, random_ids(50, 1))
    places = [layer.key_slots.data_ptr() for layer in fixed_layers(fork)]
    fork.copy_from(cache)
    assert torch.equal(read(model, fork, random_ids(50, 1)), first)
    assert places == [layer.key_slots.data_ptr() for layer in fixed_layers(fork)]


@pytest.mark.parametrize("policy", ["freqkv", "window"])
def test_v_results_depend_on_tokens_not_on_chunks(model: PreTrainedModel, policy: str) -> None:
    ids = random_ids(230)
    whole = read(model, new_cache(model, GEOMETRY, policy), ids, chunk=GEOMETRY.cache_size)
    for cut in ({"chunk": 1}, {"chunk": 7}, {"seed": 1}, {"seed": 2}):
        other = read(model, new_cache(model, GEOMETRY, policy), ids, **cut)
        torch.testing.assert_close(other, whole, atol=1e-4, rtol=0)


def test_growing_and_fixed_layers_agree(model: PreTrainedModel) -> None:
    ids = random_ids(200)
    fixed = read(model, new_cache(model, GEOMETRY), ids)
    growing = read(model, new_cache(model, GEOMETRY, differentiable=True), ids)
    torch.testing.assert_close(growing, fixed, atol=1e-5, rtol=0)


def test_below_capacity_it_is_the_plain_cache(model: PreTrainedModel) -> None:
    ids = random_ids(GEOMETRY.cache_size)
    cache = new_cache(model, GEOMETRY)
    ours = read(model, cache, ids, chunk=9)
    plain = DynamicCache(config=model.config)
    model.set_attn_implementation("sdpa")
    rows = []
    with torch.no_grad():
        for start in range(0, len(ids), 9):
            batch = torch.tensor([ids[start : start + 9]])
            rows.append(model(input_ids=batch, use_cache=True, **{cache_argument(model): plain}).logits[0])
    assert cache.compressions == 0
    torch.testing.assert_close(ours, torch.cat(rows), atol=1e-5, rtol=0)


def test_causality(model: PreTrainedModel) -> None:
    ids = random_ids(200)
    changed = [*ids[:130], (ids[130] + 1) % 128, *ids[131:]]
    one = read(model, new_cache(model, GEOMETRY), ids, chunk=40)
    two = read(model, new_cache(model, GEOMETRY), changed, chunk=40)
    assert torch.equal(one[:130], two[:130])
    assert not torch.allclose(one[130], two[130], atol=1e-3)
    assert not torch.allclose(one[199], two[199], atol=1e-6)  # the change is still remembered after a compression


def test_the_window_forgets_and_freqkv_does_not(model: PreTrainedModel) -> None:
    geometry = Geometry(40, 4, 0, 0.5)
    ids = random_ids(75)
    changed = [*ids[:10], (ids[10] + 1) % 128, *ids[11:]]
    moved = {}
    for policy in ("window", "freqkv"):
        caches = [new_cache(model, geometry, policy) for _ in range(2)]
        for cache, tokens in zip(caches, (ids, changed), strict=True):
            read(model, cache, tokens)
        # The first layer's keys depend on their own token alone: there, what was evicted is gone without a trace.
        moved[policy] = (caches[0].layers[0].values - caches[1].layers[0].values).abs().max().item()
    assert moved["window"] == 0.0
    assert moved["freqkv"] > 1e-4


def test_gradients_cross_compressions(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY, differentiable=True)
    ids = random_ids(120)
    embedded = model.get_input_embeddings()(torch.tensor([ids])).detach().requires_grad_()
    done = 0
    while done < len(ids):
        cache.make_room()
        size = min(8, cache.room)
        out = model(inputs_embeds=embedded[:, done : done + size], use_cache=True, **{cache_argument(model): cache})
        done += size
    out.logits[0, -1].sum().backward()
    assert cache.compressions >= 3
    assert embedded.grad is not None
    assert embedded.grad[0, 10].abs().max() > 1e-6  # a token that has been filtered again and again
    assert model.base_model.layers[0].self_attn.k_proj.weight.grad.abs().max() > 0
    model.zero_grad()


def test_make_room_for_many_tokens(model: PreTrainedModel) -> None:
    cache = new_cache(model, GEOMETRY)
    read(model, cache, random_ids(GEOMETRY.cache_size))
    cache.make_room(25)
    assert cache.room >= 25
    with pytest.raises(UsageError, match="31 tokens do not fit beside 4 sink and 6 recent"):
        cache.make_room(31)


def test_full_policy_refuses_to_forget(model: PreTrainedModel) -> None:
    cache = new_cache(model, Geometry(32), "full")
    read(model, cache, random_ids(32))
    with pytest.raises(UsageError, match="longer than the cache of 32 slots"):
        cache.make_room()


def test_bf16_stays_close_over_many_compressions() -> None:
    model = tiny_model("llama")
    ids = random_ids(1500)
    exact = read(model, new_cache(model, GEOMETRY), ids, chunk=20)
    model = model.bfloat16()
    rounded = read(model, new_cache(model, GEOMETRY), ids, chunk=20).float()
    error = (rounded - exact).norm(dim=-1) / exact.norm(dim=-1)
    assert error[-500:].mean() < 0.05
    assert error[-500:].mean() < 1.5 * error[:500].mean()  # no drift


@pytest.mark.parametrize(
    "fields", [(6, 4, 1, 0.5), (40, 4, 0, 0.0), (40, 4, 0, 1.0), (40, -1, 0, 0.5)], ids=["small", "0", "1", "negative"]
)
def test_impossible_geometry(fields: tuple[int, int, int, float]) -> None:
    with pytest.raises(UsageError):
        Geometry(*fields)


def test_unknown_policy() -> None:
    with pytest.raises(UsageError, match="no cache policy 'magic'; choose one of: adaptive, freqkv, full, keydiff"):
        make_policy("magic")


def test_cache_beyond_the_window_is_refused(model: PreTrainedModel) -> None:
    with pytest.raises(UsageError, match="--cache-size 513 is more than the model's window of 512"):
        make_cache(model, Geometry(513), make_policy("freqkv"), window=512)


@pytest.mark.parametrize("differentiable", [False, True])
def test_tokens_that_were_rolled_back_leave_no_trace(differentiable: bool) -> None:
    model = tiny_model("llama", layers=2)
    geometry = Geometry(40, 4, 0, 0.5)
    once = new_cache(model, geometry, differentiable=differentiable)
    again = new_cache(model, geometry, differentiable=differentiable)
    ids = random_ids(70)
    with torch.no_grad():
        expected = read_logits(model, once, ids)
        read_logits(model, again, [*ids[:60], 5, 6, 7])
        again.rollback(3)
        assert again.tokens_seen == 60
        actual = read_logits(model, again, ids[60:])
    torch.testing.assert_close(actual, expected[60:], atol=2e-5, rtol=0)
    with pytest.raises(ValueError, match="cannot be rolled back"):
        again.rollback(again.length)
