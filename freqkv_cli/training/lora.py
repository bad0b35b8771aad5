"""LoRA by peft: small matrices beside the projections of attention, the only thing that learns."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.errors import UsageError
from freqkv_cli.models.adapter import CONFIG, whole_file

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj")
PREFIX = "base_model.model."  # what peft puts before the name of a module in its files
HINT = 'freqkv train needs peft: pip install "freqkv[train]", or pip install peft'


def require_peft() -> None:
    """Raise UsageError when peft is not installed."""
    if find_spec("peft") is None:
        raise UsageError(HINT)


def add_lora(model: Any, *, rank: int, seed: int) -> Any:
    """Put new LoRA matrices into `model`, in fp32, and freeze the rest; return peft's config.

    They do nothing yet: the second of each pair is zero. The first is drawn from the seed.
    """
    require_peft()
    from peft import LoraConfig, inject_adapter_in_model

    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=[name for name in PROJECTIONS if name in names],
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    model.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    for _, weight in lora_weights(model):
        weight.data = weight.data.float()
    return config


def lora_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the LoRA matrices of a model under the names that peft's files have."""
    for name, weight in model.named_parameters():
        if ".lora_" in name:
            yield PREFIX + name.replace(".default.", "."), weight


def write_config(config: Any, folder: Path, base: str) -> None:
    """Write peft's adapter_config.json; `base` names the model that the adapter belongs to."""
    config.base_model_name_or_path = base
    said = {**config.to_dict(), "base_model_name_or_path": base, "inference_mode": True}
    said["target_modules"] = sorted(said["target_modules"])  # a set, in an order of its own in each process
    with whole_file(folder / CONFIG) as draft:
        draft.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
