"""Models of random weights: the shapes are the real ones, weights follow the seed, 4 bits are 4 bits."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from freqkv_cli.errors import UsageError
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.measurement.random_weights import SHAPES, build_random, shape_config
from freqkv_cli.models.support import check_supported


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.2-1b", 1_235_814_400),
        ("qwen3-8b", 8_190_735_360),
        ("smollm2", 134_515_008),
    ],
)
def test_shapes_have_the_published_number_of_parameters(shape: str, parameters: int) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(shape_config(shape))
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_supported(shape: str) -> None:
    check_supported(shape_config(shape))


def test_weights_follow_the_seed() -> None:
    first, again, other = (
        build_random(shape_config("tiny"), device="cpu", dtype="float32", quant="none", seed=seed) for seed in (1, 1, 2)
    )
    weights = [model.model.layers[0].mlp.up_proj.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert weights[0].std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(first.model.norm.weight, torch.ones(64))


def test_a_random_model_equals_one_that_transformers_builds_around_its_weights() -> None:
    model = build_random(shape_config("tiny"), device="cpu", dtype="float32", quant="none")
    plain = AutoModelForCausalLM.from_config(shape_config("tiny"), attn_implementation="sdpa").eval()
    plain.load_state_dict(model.state_dict())
    ids = torch.arange(50).unsqueeze(0)
    with torch.inference_mode():
        assert torch.allclose(model(ids).logits, plain(ids).logits, atol=1e-5)


def test_tied_weights_are_one() -> None:
    config = shape_config("tiny")
    config.tie_word_embeddings = True
    model = build_random(config, device="cpu", dtype="float32", quant="none")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_four_bits_are_packed_and_read() -> None:
    from bitsandbytes.nn import Linear4bit

    config = shape_config("tiny")
    plain = build_random(config, device="cpu", dtype="float32", quant="none")
    model = build_random(config, device="cpu", dtype="float32", quant="4bit")
    packed = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(packed) == 2 * 7  # all linear layers but the output
    stored = sum(layer.weight.numel() * layer.weight.element_size() for layer in packed)
    assert stored == sum(layer.in_features * layer.out_features for layer in packed) // 2
    cache = make_cache(model, Geometry(32), make_policy("freqkv"), window=2048)
    logits = Engine(model, 16).read(cache, range(100))
    expected = Engine(plain, 16).read(make_cache(plain, Geometry(32), make_policy("freqkv"), window=2048), range(100))
    assert logits is not None
    assert expected is not None
    # The same seed, so the same weights but for their rounding to 4 bits.
    assert torch.nn.functional.cosine_similarity(logits, expected, dim=0) > 0.9


@pytest.mark.parametrize(
    ("shape", "quant", "problem"),
    [("huge", "none", "there is no shape huge"), ("tiny", "8bit", "--quant 4bit or none")],
)
def test_what_cannot_be_is_refused(shape: str, quant: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        build_random(shape_config(shape), device="cpu", dtype="float32", quant=quant)
