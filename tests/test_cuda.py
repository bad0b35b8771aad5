"""What a GPU computes is what a CPU computes, up to rounding. Runs where CUDA is: pytest -m gpu"""

from typing import Any

import pytest
import torch

from freqkv_cli.config import choices
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.measurement.random_weights import build_random, shape_config
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_models import tiny_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
SLOTS = Geometry(48, sink_tokens=4, recent_tokens=8)
EXACT = 2e-3  # of logits in float32, over several compressions


@pytest.fixture(autouse=True)
def _no_tf32() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.fixture(scope="module")
def models() -> tuple[Any, Any]:
    return tiny_model("llama"), tiny_model("llama").to("cuda")


@pytest.mark.parametrize("policy", [name for name in choices("policy") if make_policy(name).evicts])
def test_a_text_is_read_alike_under_every_policy(policy: str, models: tuple[Any, Any]) -> None:
    ids = random_ids(150)
    here, there = (read_logits(model, new_cache(model, SLOTS, policy), ids) for model in models)
    # Where two rows score alike up to rounding either may be kept, so most tokens must agree, and the first ones all.
    torch.testing.assert_close(there[:48].cpu(), here[:48], atol=EXACT, rtol=EXACT)
    near = (there.cpu() - here).abs().amax(-1) < 2e-2
    assert near.float().mean() > 0.9


@pytest.mark.parametrize("policy", ["freqkv", "landmarks"])
def test_the_same_answer_is_written(policy: str, models: tuple[Any, Any]) -> None:
    written = []
    for model in models:
        engine, cache = Engine(model, 16), new_cache(model, SLOTS, policy)
        logits = engine.read(cache, random_ids(40))
        assert logits is not None
        written.append(list(engine.decode(cache, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=6)))
    assert written[0] == written[1]


def test_a_fork_and_a_rollback_leave_the_cache_as_it_was(models: tuple[Any, Any]) -> None:
    model = models[1]
    cache = new_cache(model, SLOTS)
    read_logits(model, cache, random_ids(60))
    keys = cache.layers[0].keys.clone()
    fork = cache.fork()
    read_logits(model, fork, random_ids(30, seed=1))
    assert torch.equal(cache.layers[0].keys, keys)
    length = cache.length
    Engine(model).read(cache, [5, 6, 7])
    cache.rollback(3)
    assert cache.length == length
    assert torch.equal(cache.layers[0].keys, keys)


def test_four_bits_are_near_to_the_weights_they_stand_for() -> None:
    pytest.importorskip("bitsandbytes")
    config = shape_config("tiny")
    plain, packed = (build_random(config, device="cuda", dtype="bfloat16", quant=quant) for quant in ("none", "4bit"))
    ids = random_ids(100, vocabulary=256)
    exact, rounded = (Engine(model, 16).read(new_cache(model, SLOTS), ids) for model in (plain, packed))
    assert exact is not None
    assert rounded is not None
    assert torch.nn.functional.cosine_similarity(exact.float(), rounded.float(), dim=0) > 0.9
