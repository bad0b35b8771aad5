"""The cache computes what an independent FreqKV computes, on every supported architecture."""

import pytest
import torch

from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.models.support import SUPPORTED
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.oracle import Oracle
from tests.tiny_models import ROPES, tiny_model


def compare(model: torch.nn.Module, geometry: Geometry, tokens: int, chunk: int) -> None:
    ids = random_ids(tokens)
    oracle = Oracle(model, geometry.cache_size, geometry.sink_tokens, geometry.recent_tokens, geometry.retain_ratio)
    expected = oracle.read(ids)
    cache = new_cache(model, geometry)
    with torch.no_grad():
        actual = read_logits(model, cache, ids, chunk)
    assert cache.compressions == oracle.compressions >= 5
    assert expected.std() > 0.1  # logits that say nothing would agree whatever the cache did
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("architecture", sorted(SUPPORTED))
def test_equals_oracle_on_every_architecture(architecture: str) -> None:
    compare(tiny_model(architecture, layers=2), Geometry(48, 4, 0, 0.5), tokens=190, chunk=13)


@pytest.mark.parametrize("rope", sorted(set(ROPES)))
def test_equals_oracle_with_every_rope_type(rope: str) -> None:
    architecture = "phi3" if rope == "longrope" else "llama"
    compare(tiny_model(architecture, rope=rope, layers=2), Geometry(48, 4, 6, 0.5), tokens=190, chunk=13)


@pytest.mark.parametrize(
    "geometry",
    [Geometry(40, 0, 0, 0.5), Geometry(41, 3, 0, 0.7), Geometry(40, 5, 9, 0.25), Geometry(24, 10, 7, 0.5)],
    ids=str,
)
def test_equals_oracle_in_every_geometry(geometry: Geometry) -> None:
    compare(tiny_model("llama", layers=2), geometry, tokens=200, chunk=11)
