"""The quick forward of a few tokens gives the ordinary numbers up to rounding, or is not used."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.inference.cpu import kernels
from freqkv_cli.inference.cpu.decode import ARCHITECTURES, MOST, CpuDecoder, cpu_decoder, must_compile
from freqkv_cli.inference.engine import Engine, cache_argument
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.models.support import SUPPORTED
from tests.kvcache.reading import new_cache, random_ids
from tests.tiny_models import ROPES, WINDOW, tiny_model

GEOMETRY = Geometry(40, 4, 0, 0.5)


def plain_forward(model: Any, cache: FreqkvCache, token: int) -> Tensor:
    """What Engine.run does without the quick forward."""
    batch = torch.tensor([[token]])
    with observed_by(cache.observe if cache.policy.observation_window else None):
        logits: Tensor = model(input_ids=batch, use_cache=True, **{cache_argument(model): cache}).logits[0]
    return logits


def quick_of(model: PreTrainedModel) -> CpuDecoder | None:
    cache = new_cache(model, GEOMETRY)
    with torch.inference_mode():
        Engine(model).read(cache, [1, 2])
        return cpu_decoder(model, cache)


def write_both_ways(model: PreTrainedModel, *, count: int = 40, policy: str = "freqkv") -> None:
    """Write across compressions, both ways: logits and rows of the cache must be the same up to rounding."""
    engine = Engine(model)
    caches = [new_cache(model, GEOMETRY, policy) for _ in range(2)]
    with torch.inference_mode():
        for cache in caches:
            engine.read(cache, random_ids(33))
        for token in random_ids(count, seed=1):
            for cache in caches:
                cache.make_room()
            torch.testing.assert_close(
                engine.run(caches[0], [token], 1, few=True),
                plain_forward(model, caches[1], token),
                atol=2e-5,
                rtol=1e-4,
            )
    assert caches[0].compressions == caches[1].compressions > 0
    for mine, plain in zip(caches[0].layers, caches[1].layers, strict=True):
        torch.testing.assert_close(mine.keys, plain.keys, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(mine.values, plain.values, atol=2e-5, rtol=1e-4)


def require_in_use(model: PreTrainedModel) -> None:
    quick = quick_of(model)
    assert quick is not None
    assert quick.verified


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_numbers_are_the_ordinary_ones(architecture: str) -> None:
    model = tiny_model(architecture)
    write_both_ways(model)
    require_in_use(model)


@pytest.mark.parametrize("rope", ROPES)
def test_every_rope_is_the_models_own(rope: str) -> None:
    model = tiny_model("llama", rope=rope)
    write_both_ways(model)
    require_in_use(model)


def test_tied_embeddings() -> None:
    model = tiny_model("llama", tie_word_embeddings=True)
    write_both_ways(model)
    require_in_use(model)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_16_bits_are_nearer_to_the_exact_numbers_than_the_ordinary_way(architecture: str) -> None:
    model = tiny_model(architecture).to(torch.bfloat16)
    exact = tiny_model(architecture)
    exact.load_state_dict({name: tensor.float() for name, tensor in model.state_dict().items()})
    quick, plain, full = (new_cache(one, GEOMETRY) for one in (model, model, exact))
    errors = torch.zeros(2)
    with torch.inference_mode():
        for token in random_ids(36):
            right = plain_forward(exact, full, token)
            errors[0] += (Engine(model).run(quick, [token], 1, few=True) - right).square().sum()
            errors[1] += (plain_forward(model, plain, token).float() - right).square().sum()
    require_in_use(model)
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("architecture", sorted(set(SUPPORTED) - set(ARCHITECTURES)))
def test_other_architectures_keep_the_ordinary_way(architecture: str) -> None:
    model = tiny_model(architecture)
    write_both_ways(model, count=10)
    assert quick_of(model) is None


@pytest.mark.parametrize("options", [{"attention_bias": True}, {"mlp_bias": True}, {"hidden_act": "gelu"}])
def test_other_parts_keep_the_ordinary_way(options: dict[str, Any]) -> None:
    model = tiny_model("llama", **options)
    write_both_ways(model, count=10)
    assert quick_of(model) is None


def test_a_policy_still_observes_the_queries() -> None:
    model = tiny_model("llama")
    write_both_ways(model, policy="morph")
    require_in_use(model)


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
    write_both_ways(model)
    assert quick_of(model) is None


def test_a_layer_of_other_parts_keeps_the_ordinary_way() -> None:
    model = tiny_model("llama")
    layer: Any = model.base_model.layers[1]
    layer.mlp = nn.Identity()
    write_both_ways(model, count=10)
    assert quick_of(model) is None


def test_rehearsing_leaves_the_cache_as_it_was() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, GEOMETRY, "morph")
    with torch.inference_mode():
        engine = Engine(model)
        engine.read(cache, random_ids(20))
        before = [layer.keys.clone() for layer in cache.layers]
        observed = cache.observation.copy()
        quick = cpu_decoder(model, cache)
        assert quick is not None
        quick.self_check(cache, torch.tensor([[5]]), engine._forward)
    assert quick.verified
    assert cache.length == cache.tokens_seen == 20
    assert all(torch.equal(layer.keys, keys) for layer, keys in zip(cache.layers, before, strict=True))
    assert cache.observation._known.keys() == observed._known.keys()
    assert all(torch.equal(cache.observation.queries(layer), known.queries) for layer, known in observed._known.items())


def test_a_first_wait_for_the_compiler_is_known_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiled = Path(kernels.run_layer.stats.cache_path)
    write_both_ways(tiny_model("llama"), count=10)  # compiles, if nothing has before
    assert not must_compile(tiny_model("llama"))
    assert not must_compile(tiny_model("gemma2"))
    monkeypatch.setattr(type(kernels.run_layer), "stats", SimpleNamespace(cache_path=str(tmp_path)))
    assert must_compile(tiny_model("llama"))
    (tmp_path / next(compiled.glob("kernels.run_layer-*.nbi")).name).touch()
    assert not must_compile(tiny_model("llama"))


def test_the_weights_are_not_copied() -> None:
    model = tiny_model("qwen2").to(torch.bfloat16)
    quick = quick_of(model)
    assert quick is not None
    attention: Any = model.base_model.layers[0].self_attn
    assert np.shares_memory(quick._layers[0].query, attention.q_proj.weight.detach().view(torch.uint16).numpy())


def test_it_is_not_for_gradients_training_other_attention_or_wrapped_layers() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, GEOMETRY)
    Engine(model).read(cache, [1])
    assert cpu_decoder(model, cache) is None
    model.train()
    assert quick_of(model) is None
    model.eval()
    assert quick_of(model) is not None
    with torch.inference_mode():
        model.set_attn_implementation("sdpa")
        assert cpu_decoder(model, cache) is None

    class LinearWithAdapter(nn.Linear):
        pass

    wrapped = tiny_model("llama")
    attention: Any = wrapped.base_model.layers[0].self_attn
    attention.q_proj = LinearWithAdapter(64, 64, bias=False)
    assert quick_of(wrapped) is None


def test_a_cache_that_gradients_flow_through_is_left_to_the_model() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, GEOMETRY, differentiable=True)
    with torch.inference_mode():
        Engine(model).read(cache, [1, 2])
        assert cpu_decoder(model, cache) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tokens_read_together_are_what_they_are_one_by_one(dtype: torch.dtype) -> None:
    model = tiny_model("llama", hidden_size=128, intermediate_size=1536, initializer_range=0.05).to(dtype)
    together, alone = (new_cache(model, Geometry(300, 4, 0, 0.5)) for _ in range(2))
    engine = Engine(model)
    with torch.inference_mode():
        for cache in (together, alone):
            engine.read(cache, random_ids(101))
        for count in range(2, MOST + 1):
            ids = random_ids(count, seed=count)
            rows = engine.run(together, ids, count, few=True)
            assert torch.equal(rows, torch.cat([engine.run(alone, [token], 1, few=True) for token in ids]))
    require_in_use(model)
    for mine, other in zip(together.layers, alone.layers, strict=True):
        assert torch.equal(mine.keys, other.keys)
        assert torch.equal(mine.values, other.values)


def test_threads_change_no_bit() -> None:
    model = tiny_model("llama")
    before = torch.get_num_threads()
    cache = new_cache(model, Geometry(WINDOW, 4, 0, 0.5))
    rows = []
    with torch.inference_mode():
        Engine(model).read(cache, random_ids(400))
        quick = cpu_decoder(model, cache)
        assert quick is not None
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                rows.append(quick.forward(cache, torch.tensor([[7, 8, 9]])))
                cache.rollback(3)
        finally:
            torch.set_num_threads(before)
    assert torch.equal(*rows)
