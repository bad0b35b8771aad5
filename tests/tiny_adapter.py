"""An adapter of random numbers, as a folder that freqkv can load."""

from pathlib import Path

import torch

from freqkv_cli.models.adapter import AdapterCache, AdapterManifest
from freqkv_cli.models.fingerprint import weights_print
from freqkv_cli.models.loading import load_model
from freqkv_cli.models.source import resolve_model
from freqkv_cli.training.adapter_folder import write_adapter
from freqkv_cli.training.lora import add_lora, lora_weights


def save_tiny_adapter(
    model: str, folder: Path, *, policy: str = "freqkv", cache_size: int = 64, recent_tokens: int = 0, seed: int = 4
) -> str:
    """Write an adapter for `model` that changes much, as if trained for this cache; return its path."""
    folder.mkdir(parents=True)
    base = resolve_model(model)
    learnt = load_model(base, device="cpu", dtype="float32", quant="none").model
    config = add_lora(learnt, rank=4, seed=0)
    generator = torch.Generator().manual_seed(seed)
    for _, weight in lora_weights(learnt):
        weight.data = 0.2 * torch.randn(weight.shape, generator=generator)
    slots = AdapterCache(policy, cache_size, 4, recent_tokens, 0.5)
    write_adapter(folder, learnt, config, AdapterManifest(1, "0.1", base.name, weights_print(base), slots))
    return str(folder)
