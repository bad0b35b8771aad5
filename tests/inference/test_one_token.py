"""The quick forward of one token gives the ordinary numbers, bit for bit, or is not used."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.inference.engine import Engine, cache_argument
from freqkv_cli.inference.one_token import ARCHITECTURES, OneToken, one_token
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.models.device import _cpu_has_bfloat16
from freqkv_cli.models.support import SUPPORTED
from tests.kvcache.reading import new_cache, random_ids
from tests.tiny_models import ROPES, tiny_model

GEOMETRY = Geometry(40, 4, 0, 0.5)


def plain_forward(model: Any, cache: FreqkvCache, token: int) -> Tensor:
    """What Engine.run does without the quick forward."""
    batch = torch.tensor([[token]])
    with observed_by(cache.observe if cache.policy.observes else None):
        logits: Tensor = model(input_ids=batch, use_cache=True, **{cache_argument(model): cache}).logits[0]
    return logits


def quick_of(model: PreTrainedModel) -> OneToken | None:
    with torch.inference_mode():
        return one_token(model)


def require_equal_writing(model: PreTrainedModel, *, count: int = 40, policy: str = "freqkv") -> None:
    """Write across compressions, both ways: every logit and every row of the cache must be the same."""
    engine = Engine(model)
    caches = [new_cache(model, GEOMETRY, policy) for _ in range(2)]
    with torch.inference_mode():
        for cache in caches:
            engine.read(cache, random_ids(33))
        for token in random_ids(count, seed=1):
            for cache in caches:
                cache.make_room()
            assert torch.equal(engine.run(caches[0], [token], 1), plain_forward(model, caches[1], token))
    assert caches[0].compressions == caches[1].compressions > 0
    for mine, plain in zip(caches[0].layers, caches[1].layers, strict=True):
        assert torch.equal(mine.keys, plain.keys)
        assert torch.equal(mine.values, plain.values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_bit_is_the_same(architecture: str, dtype: torch.dtype) -> None:
    model = tiny_model(architecture).to(dtype)
    require_equal_writing(model)
    quick = quick_of(model)
    assert quick is not None
    assert quick.equal


@pytest.mark.parametrize("rope", ROPES)
def test_every_rope_is_the_models_own(rope: str) -> None:
    model = tiny_model("llama", rope=rope)
    require_equal_writing(model)
    quick = quick_of(model)
    assert quick is not None
    assert quick.equal


def test_biases_and_tied_embeddings_count() -> None:
    model = tiny_model("llama", attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
    require_equal_writing(model)
    quick = quick_of(model)
    assert quick is not None
    assert quick.equal


@pytest.mark.parametrize("architecture", sorted(set(SUPPORTED) - set(ARCHITECTURES)))
def test_other_architectures_keep_the_ordinary_way(architecture: str) -> None:
    model = tiny_model(architecture)
    require_equal_writing(model, count=10)
    assert quick_of(model) is None


def test_a_policy_still_observes_the_queries() -> None:
    model = tiny_model("llama")
    require_equal_writing(model, policy="morph")
    quick = quick_of(model)
    assert quick is not None
    assert quick.equal


class Louder(nn.Module):
    """An MLP of the usual parts that does something unusual with them."""

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj, self.act_fn = (
            mlp.gate_proj,
            mlp.up_proj,
            mlp.down_proj,
            mlp.act_fn,
        )

    def forward(self, hidden: Tensor) -> Tensor:
        rows: Tensor = 1.01 * self.down_proj(self.act_fn(self.gate_proj(hidden)) * self.up_proj(hidden))
        return rows


def test_a_model_that_computes_something_else_is_found_out() -> None:
    model = tiny_model("llama")
    layer: Any = model.base_model.layers[1]
    layer.mlp = Louder(layer.mlp)
    require_equal_writing(model)
    assert quick_of(model) is None


def test_a_layer_of_other_parts_keeps_the_ordinary_way() -> None:
    model = tiny_model("llama")
    layer: Any = model.base_model.layers[1]
    layer.mlp = nn.Identity()
    require_equal_writing(model, count=10)
    assert quick_of(model) is None


def test_rehearsing_leaves_the_cache_as_it_was() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, GEOMETRY, "morph")
    with torch.inference_mode():
        engine = Engine(model)
        engine.read(cache, random_ids(20))
        before = [layer.keys.clone() for layer in cache.layers]
        observed = cache.observation.copy()
        quick = one_token(model)
        assert quick is not None
        quick.rehearse(cache, torch.tensor([[5]]), engine._forward)
    assert quick.equal
    assert cache.length == cache.tokens_seen == 20
    assert all(torch.equal(layer.keys, keys) for layer, keys in zip(cache.layers, before, strict=True))
    assert cache.observation._known.keys() == observed._known.keys()
    assert all(torch.equal(cache.observation.queries(layer), known.queries) for layer, known in observed._known.items())


def test_the_weights_are_kept_once() -> None:
    model = tiny_model("qwen2")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    new_cache(model, GEOMETRY)  # chooses the attention
    assert quick_of(model) is not None
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    attention: Any = model.base_model.layers[0].self_attn
    storages = {
        part.weight.untyped_storage().data_ptr() for part in (attention.q_proj, attention.k_proj, attention.v_proj)
    }
    assert len(storages) == 1


def test_it_is_not_for_gradients_training_other_attention_or_wrapped_layers() -> None:
    model = tiny_model("llama")
    new_cache(model, GEOMETRY)
    assert one_token(model) is None
    model.train()
    assert quick_of(model) is None
    model.eval()
    model.set_attn_implementation("sdpa")
    assert quick_of(model) is None

    class LinearWithAdapter(nn.Linear):
        pass

    wrapped = tiny_model("llama")
    new_cache(wrapped, GEOMETRY)
    attention: Any = wrapped.base_model.layers[0].self_attn
    attention.q_proj = LinearWithAdapter(64, 64, bias=False)
    assert quick_of(wrapped) is None


@pytest.mark.skipif(not _cpu_has_bfloat16(), reason="other processors add up 16-bit products in other orders")
def test_tokens_read_together_are_what_they_are_one_by_one_in_16_bits() -> None:
    # Long rows (3072), so that a product of one row alone would be added up in another order.
    model = tiny_model("llama", hidden_size=128, intermediate_size=3072, initializer_range=0.05).to(torch.bfloat16)
    together, alone = (new_cache(model, Geometry(300, 4, 0, 0.5)) for _ in range(2))
    engine = Engine(model)
    with torch.inference_mode():
        for cache in (together, alone):
            engine.read(cache, random_ids(101))
        for start in range(0, 80, 8):
            ids = random_ids(8, seed=start)
            rows = engine.run(together, ids, 8)
            assert torch.equal(rows, torch.cat([engine.run(alone, [token], 1) for token in ids]))
