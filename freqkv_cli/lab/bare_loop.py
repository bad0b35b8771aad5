"""The limit of the framework: the same model over a window of the same size, with none of freqkv's code in the loop.

transformers' own attention (`sdpa`) on its own DynamicCache, forwards of `chunk` tokens, and the cache thrown away when
it is full. So it reads in blocks, forgets everything at each, and has nothing to compress: what freqkv takes beyond
this is the price of the method; what it takes less, the gain of its attention and its fixed slots.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from freqkv_cli.inference.engine import cache_argument


@dataclass(frozen=True, slots=True)
class BareSpeed:
    """Tokens per second of reading and of greedy writing."""

    prefill: float
    decode: float


@torch.inference_mode()
def measure_bare_loop(
    model: Any, tokens: Sequence[int], *, window: int, chunk: int = 512, written: int = 64
) -> BareSpeed:
    """Read `tokens` in windows of `window` slots, then write `written` tokens at the end of a full one.

    The model's attention is `sdpa` meanwhile. Raises ValueError when `tokens` do not fill one window.
    """
    if len(tokens) < window:
        raise ValueError(f"{len(tokens)} tokens do not fill a window of {window}")
    before = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    try:
        began = time.perf_counter()
        for start in range(0, len(tokens), window):
            _read(model, DynamicCache(config=model.config), tokens[start : start + window], chunk)
        prefill = len(tokens) / (time.perf_counter() - began)
        cache = DynamicCache(config=model.config)
        token = _read(model, cache, tokens[: window - written], chunk)
        began = time.perf_counter()
        for _ in range(written):
            token = _forward(model, cache, [token])
        return BareSpeed(prefill, written / (time.perf_counter() - began))
    finally:
        model.set_attn_implementation(before)


def _read(model: Any, cache: Any, tokens: Sequence[int], chunk: int) -> int:
    token = 0
    for start in range(0, len(tokens), chunk):
        token = _forward(model, cache, tokens[start : start + chunk])
    return token


def _forward(model: Any, cache: Any, ids: Sequence[int]) -> int:
    """The likeliest token after `ids`."""
    batch = torch.tensor([list(ids)], device=model.device)
    output = model(input_ids=batch, use_cache=True, logits_to_keep=1, **{cache_argument(model): cache})
    return int(output.logits[0, -1].argmax())
