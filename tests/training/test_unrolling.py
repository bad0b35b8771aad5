"""Gradients across compressions, with and without recomputation, and no look into the future."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.kvcache.rope import SlotRotation
from freqkv_cli.training.lora import lora_weights
from freqkv_cli.training.unrolling import Unrolling
from tests.oracle import Oracle
from tests.tiny_models import WINDOW
from tests.training.learning import SLOTS, TOKENS, cache_maker, learning_model, some_ids, unrolled


def losses(unrolling: Unrolling, ids: Tensor) -> Tensor:
    """Cross-entropy of each next token, [batch, tokens - 1]."""
    hidden = torch.cat([hidden for _, hidden in unrolling.run(ids[:, :-1])], dim=1)
    logits = unrolling.model.get_output_embeddings()(hidden)
    return cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")


def gradients(unrolling: Unrolling, ids: Tensor) -> list[Tensor]:
    unrolling.model.zero_grad()
    losses(unrolling, ids).mean().backward()
    return [weight.grad.clone() for _, weight in lora_weights(unrolling.model)]  # type: ignore[union-attr]


def double_cache(model: Any) -> FreqkvCache:
    """A cache whose tables are exact enough for finite differences."""
    cache = cache_maker(model)()
    tables = model.model.rotary_emb(torch.zeros(1, dtype=torch.float64), torch.arange(SLOTS.cache_size)[None])
    cache.rotation = SlotRotation(tables[0][0].double(), tables[1][0].double(), cache.rotation.scale)
    return cache


def test_gradient_across_compressions_is_the_oracles_slope() -> None:
    model = learning_model(dtype=torch.float64, layers=2)
    ids = some_ids()
    unrolling = Unrolling(model, lambda: double_cache(model), chunk=7)
    slopes = gradients(unrolling, ids)
    generator = torch.Generator().manual_seed(3)
    directions = [torch.randn(slope.shape, generator=generator, dtype=slope.dtype) for slope in slopes]
    expected = sum(float((slope * direction).sum()) for slope, direction in zip(slopes, directions, strict=True))

    def oracle_loss(step: float) -> float:
        moved = learning_model(dtype=torch.float64, layers=2)
        for (_, weight), direction in zip(lora_weights(moved), directions, strict=True):
            weight.data += step * direction
        oracle = Oracle(moved, SLOTS.cache_size, SLOTS.sink_tokens, SLOTS.recent_tokens, SLOTS.retain_ratio)
        logits = oracle.read(ids[0, :-1].tolist())
        assert oracle.compressions >= 3
        return float(cross_entropy(logits, ids[0, 1:]))

    def slope(step: float) -> float:
        return (oracle_loss(step) - oracle_loss(-step)) / (2 * step)

    # transformers normalises in fp32, so steps cannot be tiny; two of them take the curvature out (Richardson). Were
    # gradients cut off at compressions, the slope would be off by a quarter.
    measured = (4 * slope(1e-3) - slope(2e-3)) / 3
    assert measured == pytest.approx(expected, rel=3e-4)


def test_the_first_token_learns_from_the_last_one() -> None:
    model = learning_model()
    model.get_input_embeddings().weight.requires_grad_(True)
    ids = torch.arange(3, 3 + TOKENS + 1)[None]  # every token once
    losses(unrolled(model), ids)[:, -1].sum().backward()
    reached = model.get_input_embeddings().weight.grad.abs().sum(-1)
    assert (reached[ids[0, :-1]] > 0).all()
    assert reached[ids[0, -1]] == 0


@pytest.mark.parametrize(
    ("kind", "policy"), [("llama", "freqkv"), ("qwen3", "freqkv"), ("phi3", "freqkv"), ("llama", "landmarks")]
)
def test_recomputed_chunks_give_the_same_gradients(kind: str, policy: str) -> None:
    model, ids = learning_model(kind), some_ids(rows=2)
    keeping, recomputing = unrolled(model, policy), unrolled(model, policy, recompute=True)
    assert torch.equal(losses(keeping, ids), losses(recomputing, ids))
    for first, second in zip(gradients(keeping, ids), gradients(recomputing, ids), strict=True):
        assert first.abs().sum() > 0
        assert torch.equal(first, second)


def test_queries_are_observed_as_while_reading() -> None:
    """In double precision: single ones are read by compiled loops (tests/kvcache/test_compiled.py), whose last bits are
    others, and of two rows as good as each other, which there are here, one is kept.
    """
    model, ids = learning_model(dtype=torch.float64), some_ids()
    cache = make_cache(model, SLOTS, make_policy("landmarks"), window=WINDOW)
    engine = Engine(model, chunk=7)
    logits = engine.read(cache, ids[0].tolist())
    assert logits is not None
    *_, (_, hidden) = unrolled(model, "landmarks").run(ids)
    assert torch.allclose(model.get_output_embeddings()(hidden)[0, -1], logits, atol=1e-6)
    blind = Unrolling(model, cache_maker(model, policy="keydiff"), chunk=7)
    *_, (_, unseen) = blind.run(ids)
    assert not torch.allclose(unseen, hidden, atol=1e-3)


def test_rows_of_a_batch_do_not_meet() -> None:
    model, ids = learning_model(), some_ids(rows=2)
    both = losses(unrolled(model), ids)
    alone = torch.cat([losses(unrolled(model), row[None]) for row in ids])
    assert torch.allclose(both, alone, atol=1e-4)


def test_no_token_sees_its_future() -> None:
    model, ids = learning_model(), some_ids()
    changed = ids.clone()
    place = 2 * TOKENS // 3
    changed[0, place] = 3 if ids[0, place] != 3 else 4
    with torch.no_grad():
        before, after = losses(unrolled(model), ids)[0], losses(unrolled(model), changed)[0]
    assert torch.equal(before[: place - 1], after[: place - 1])  # loss t is of token t + 1
    assert (before[place:] != after[place:]).all()


def test_a_gradient_reaches_back_over_each_compression() -> None:
    """The loss of the last token moves with the token at the head of the old slots, which is filtered by then."""
    model, ids = learning_model(), some_ids()
    changed = ids.clone()
    changed[0, SLOTS.sink_tokens + 1] += 1
    with torch.no_grad():
        before, after = losses(unrolled(model), ids)[0, -1], losses(unrolled(model), changed)[0, -1]
    assert before != after


def test_recomputation_keeps_little_for_the_backward_pass() -> None:
    model, ids = learning_model(layers=2), some_ids()

    def kept_bytes(recompute: bool) -> int:
        seen: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            chunks = [hidden for _, hidden in unrolled(model, recompute=recompute).run(ids)]
        assert sum(hidden.shape[1] for hidden in chunks) == TOKENS
        return sum(seen.values())

    assert kept_bytes(True) < kept_bytes(False) / 10
