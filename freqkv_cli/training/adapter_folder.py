"""Writes an adapter: the weights in 16 bits, peft's config, and what it was trained for."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from freqkv_cli.models.adapter import IMPORTANCE, WEIGHTS, AdapterManifest, whole_file, write_manifest
from freqkv_cli.training.lora import lora_weights, write_config


def write_adapter(folder: Path, model: Any, config: Any, manifest: AdapterManifest) -> None:
    """Write the adapter as it is now; `config` is peft's. Each file appears whole or not at all."""
    tensors = {name: weight.detach().to("cpu", torch.float16).contiguous() for name, weight in lora_weights(model)}
    _save(tensors, folder / WEIGHTS)
    write_config(config, folder, manifest.base_name)
    write_manifest(folder, manifest)


def write_importance(folder: Path, weights: Tensor) -> None:
    """Write what the policy goes by when it chooses what to keep, [layers, kv_heads, features], whole or not at all."""
    _save({"weights": weights.to("cpu", torch.float32).contiguous()}, folder / IMPORTANCE)


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    with whole_file(path) as draft:
        save_file(tensors, draft, metadata={"format": "pt"})
