"""Adapters: what a model has learnt for a certain cache, merged into its weights when they are loaded; without peft.

A folder holds `adapter_model.safetensors` and `adapter_config.json`, which peft reads and writes too, and `freqkv.json`:
which model and which cache it was trained for.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from freqkv_cli.errors import ModelError
from freqkv_cli.models.store import sha256

FORMAT = 1
WEIGHTS, CONFIG, MANIFEST = "adapter_model.safetensors", "adapter_config.json", "freqkv.json"


@dataclass(frozen=True, slots=True)
class AdapterCache:
    """The cache that an adapter was trained for; see `Geometry`."""

    policy: str
    cache_size: int
    sink_tokens: int
    recent_tokens: int
    retain_ratio: float


@dataclass(frozen=True, slots=True)
class AdapterManifest:
    """What `freqkv.json` says. `base` names the weights (see models/fingerprint.py), `base_name` says which --model.

    `training` is for people: objective, data, tokens, versions.
    """

    format: int
    freqkv: str
    base_name: str
    base: str
    cache: AdapterCache
    training: dict[str, Any] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: AdapterManifest) -> None:
    """Write `freqkv.json`, whole or not at all."""
    draft = folder / f".{MANIFEST}.draft"
    draft.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    draft.replace(folder / MANIFEST)
