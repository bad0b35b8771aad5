"""Self-tests of a few seconds: a random model of two layers reads more than it could hold, and a kernel multiplies."""

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy

TOKENS, SLOTS, WINDOW = 1000, 64, 128


def read_with_a_tiny_model(device: str) -> tuple[bool, str]:
    """Return whether the reading on `device` stayed within its slots and gave finite logits, and what was read."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=64, num_hidden_layers=2, max_position_embeddings=WINDOW, **sizes)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=register_attention()).to(device).eval()
    cache = make_cache(model, Geometry(SLOTS), make_policy("freqkv"), window=WINDOW)
    logits = Engine(model, chunk=16).read(cache, [number % 64 for number in range(TOKENS)])
    sound = logits is not None and bool(torch.isfinite(logits).all())
    within = cache.length <= SLOTS and cache.tokens_seen == TOKENS
    told = f"a tiny model read {cache.tokens_seen} tokens in {SLOTS} slots with {cache.compressions} compressions"
    return sound and within, told


def multiply_with_a_kernel() -> tuple[bool, str]:
    """Return whether a kernel of inference/cpu/kernels.py multiplies rightly, and what with.

    Raises ImportError without numba, RuntimeError where it cannot keep what it compiles.
    """
    import numba

    from freqkv_cli.inference.cpu import matrices

    weight, row, product = np.eye(64, dtype=np.float32), np.ones((1, 64), np.float32), np.zeros((1, 64), np.float32)
    matrices.multiply_stored(weight, row[0, :0], row, product, False)
    return bool((product == row).all()), f"numba {numba.__version__}, {numba.threading_layer()} threads"
