"""A tiny random model that learns, and what it learns from."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.inference.attention import register_attention
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.training.lora import add_lora, lora_weights
from freqkv_cli.training.unrolling import Unrolling
from tests.tiny_models import WINDOW, tiny_model

SLOTS = Geometry(cache_size=24, sink_tokens=2, recent_tokens=4)
TOKENS = 64  # read in 24 slots: at least three compressions


def some_ids(count: int = TOKENS, *, rows: int = 1, seed: int = 0) -> Tensor:
    """Random token ids, [rows, count]."""
    source = random.Random(seed)
    return torch.tensor([[source.randrange(3, 128) for _ in range(count)] for _ in range(rows)])


def learning_model(
    kind: str = "llama", *, lora: bool = True, awake: bool = True, dtype: torch.dtype = torch.float32, **more: Any
) -> Any:
    """A tiny model with LoRA matrices, unless `lora` is false; `awake` ones do something from the start."""
    model = tiny_model(kind, **more).to(dtype)
    model.set_attn_implementation(register_attention())
    if lora:
        add_lora(model, rank=4, seed=1)
    if awake:
        generator = torch.Generator().manual_seed(2)
        for _, weight in lora_weights(model):
            weight.data = 0.1 * torch.randn(weight.shape, generator=generator).to(dtype)
    return model


def cache_maker(model: Any, geometry: Geometry = SLOTS, policy: str = "freqkv") -> Callable[[], FreqkvCache]:
    """What makes the caches of an Unrolling."""
    return partial(make_cache, model, geometry, make_policy(policy), window=WINDOW, differentiable=True)


def unrolled(model: Any, policy: str = "freqkv", **more: Any) -> Unrolling:
    """An Unrolling over the slots of these tests."""
    return Unrolling(model, cache_maker(model, policy=policy), chunk=7, **more)
