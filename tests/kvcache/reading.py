"""Reading through the package's cache and engine, as the tests need it."""

import random
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.inference.attention import observed_by, register_attention
from freqkv_cli.inference.engine import cache_argument
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from tests.tiny_models import WINDOW


def random_ids(count: int, seed: int = 0, vocabulary: int = 128) -> list[int]:
    source = random.Random(seed)
    return [source.randrange(3, vocabulary) for _ in range(count)]


def new_cache(model: Any, geometry: Geometry, policy: str = "freqkv", *, differentiable: bool = False) -> FreqkvCache:
    model.set_attn_implementation(register_attention())
    return make_cache(model, geometry, make_policy(policy), window=WINDOW, differentiable=differentiable)


def read_logits(model: Any, cache: FreqkvCache, ids: list[int], chunk: int = 7, seed: int | None = None) -> Tensor:
    """Logits of every token, [len(ids), vocabulary]; chunks of `chunk` tokens, or of random lengths with a seed."""
    source = None if seed is None else random.Random(seed)
    rows, done = [], 0
    while done < len(ids):
        cache.make_room()
        size = min(chunk if source is None else source.randint(1, 2 * chunk), cache.room)
        batch = torch.tensor([ids[done : done + size]], device=model.device)
        with observed_by(cache.observe if cache.policy.observation_window else None):
            rows.append(model(input_ids=batch, use_cache=True, **{cache_argument(model): cache}).logits[0])
        done += batch.shape[1]
    return torch.cat(rows)
