"""How fast this machine reads: remembered from earlier runs, or calculated from one timed matrix product."""

import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from freqkv_cli.models.memory import kv_shape
from freqkv_cli.models.store import cache_folder
from freqkv_cli.reading.plan import Plan

ASSUMED_EFFICIENCY = 0.4  # of the matrix product's speed; reading reached 0.35-0.5 of it where it was measured


def remember_speed(key: str, tokens_per_second: float) -> None:
    """Keep a measured reading speed for later estimates. A cache folder that cannot be written is no reason to fail."""
    with suppress(OSError):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".speeds-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({**_known(), key: round(tokens_per_second, 1)}, file)
        os.replace(name, path)


def remembered_speed(key: str) -> float | None:
    """Tokens per second of the last run under this key; None if there was none."""
    speed = _known().get(key)
    return float(speed) if isinstance(speed, int | float) and speed > 0 else None


def speed_key(plan: Plan) -> str:
    """What a reading speed depends on."""
    place, geometry = plan.place, plan.geometry
    return "|".join(
        str(part) for part in (plan.source.id, place.device, place.dtype, place.quant, geometry.cache_size, plan.chunk)
    )


def calculated_speed(config: Any, parameters: int, device: str, dtype: str, cache_size: int) -> float:
    """Tokens per second from the operations of one token (weights and attention) and a timed matrix product."""
    import torch

    layers, _, channels = kv_shape(config)
    attention = 4 * config.num_attention_heads * channels * 0.75 * cache_size * layers
    size = 1024
    matrix = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        (matrix @ matrix)[0, 0].item()
        seconds.append(time.perf_counter() - started)
    operations_per_second = 2 * size**3 / min(seconds)
    return ASSUMED_EFFICIENCY * operations_per_second / (2 * parameters + attention)


def _path() -> Path:
    return cache_folder() / "speeds.json"


def _known() -> dict[str, Any]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
