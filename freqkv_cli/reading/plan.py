"""What a run will take, worked out before any weight is loaded: model, place, slots, memory."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event, Progress
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.models.adapter import Adapter, changed_parameters, find_adapter
from freqkv_cli.models.aliases import AUTO
from freqkv_cli.models.device import Placement, choose_placement
from freqkv_cli.models.device_defaults import device_defaults
from freqkv_cli.models.gguf.index import read_index
from freqkv_cli.models.loading import load_config, load_tokenizer, stays_in_blocks
from freqkv_cli.models.memory import (
    DTYPE_BYTES,
    MemoryEstimate,
    auto_cache_size,
    available_memory,
    estimate_memory,
    weight_bytes,
)
from freqkv_cli.models.source import ModelSource, resolve_model, stored_parameters
from freqkv_cli.models.support import model_window
from freqkv_cli.reading.prompt import Prompt, make_prompt
from freqkv_cli.reading.run_in_thread import run_in_thread

RECENT_SHARE = 1 / 8  # of the slots; every policy gains by it (docs/experiments.md)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before loading. `available` is in bytes, `window` and `chunk` in tokens."""

    source: ModelSource
    config: Any
    place: Placement
    prompt: Prompt
    geometry: Geometry
    chunk: int
    window: int
    estimate: MemoryEstimate
    available: int
    adapter: Adapter | None = None


def find_source(settings: Settings) -> Generator[Event, None, ModelSource]:
    """Find the model that the settings name, fetching it if need be. Raises ModelError."""
    yield Progress("loading", source="the model" if settings.model == AUTO else settings.model)
    resolve = partial(
        resolve_model,
        settings.model,
        offline=settings.offline,
        models_dir=settings.models_dir,
        device=settings.device,
    )
    return (yield from run_in_thread(lambda notify: resolve(notify=notify)))


def make_plan(settings: Settings, pinned: str = "") -> Generator[Event, None, Plan]:
    """Find the model (fetching it if need be) and decide how to run it; `pinned` joins the instruction.

    Raises ModelError when there is no such model or adapter or it does not serve, UsageError for slots that cannot be.
    """
    source = yield from find_source(settings)
    adapter = find_adapter(settings.adapter, source, settings.policy)
    config = load_config(source)
    window = model_window(config)
    if settings.cache_size and settings.cache_size > window:
        raise UsageError(
            f"--cache-size {settings.cache_size} is more than the window of {source.name}, {window} tokens; "
            "give at most that"
        )
    prompt = make_prompt(load_tokenizer(source), opening=f"{pinned}Document:\n\n")
    blocks = stays_in_blocks(source)
    place = place_for(config, settings, blocks)
    chunk = settings.chunk or device_defaults(place.device).chunk
    available = available_memory(place.device)
    needs: dict[str, Any] = {
        "quant": place.quant,
        "dtype": place.dtype,
        "device": place.device,
        "chunk": chunk,
        "weights": _weights(source, config, place, adapter),
    }
    cache_size = settings.cache_size or auto_cache_size(config, available=available, **needs)
    geometry = pinned_geometry(settings, cache_size, len(prompt.prefix))
    estimate = estimate_memory(config, cache_size=cache_size, **needs)
    return Plan(source, config, place, prompt, geometry, chunk, window, estimate, available, adapter)


def place_for(config: Any, settings: Settings, blocks: bool = False) -> Placement:
    """Decide where and how the weights of a model will be; `blocks` as in `choose_placement`. Raises ModelError."""
    return choose_placement(
        config,
        device=settings.device,
        dtype=settings.dtype,
        quant=settings.quant,
        blocks=blocks,
        cache_size=settings.cache_size or None,
        chunk=settings.chunk,
    )


def adapter_misfit(plan: Plan, policy: str) -> str | None:
    """What to warn of when the adapter of a plan was trained for another cache; None otherwise."""
    slots = plan.geometry
    if plan.adapter is None:
        return None
    return plan.adapter.misfit(policy, slots.cache_size, slots.recent_tokens, slots.retain_ratio)


def pinned_geometry(settings: Settings, cache_size: int, prefix: int) -> Geometry:
    """Divide the slots: the instruction (`prefix` tokens) is pinned as sinks, and a few tokens of the document with it
    where the policy is several times as quick with blocks of old slots.
    """
    sinks = max(settings.sink_tokens, prefix)
    recent = recent_slots(settings, cache_size, sinks)
    return Geometry(cache_size, sinks, recent, settings.retain_ratio).fitted(make_policy(settings.policy).block)


def recent_slots(settings: Settings, cache_size: int, sinks: int) -> int:
    """How many of the newest slots are left alone; where that is open, an eighth, and less beside many `sinks`."""
    if settings.recent_tokens is not None:
        return settings.recent_tokens
    return max(0, min(round(RECENT_SHARE * cache_size), (cache_size - sinks - 2) // 2))


def _weights(source: ModelSource, config: Any, place: Placement, adapter: Adapter | None) -> int:
    """Bytes of the loaded weights; a model that comes quantized is as large as its files."""
    if getattr(config, "quantization_config", None) is not None and source.bytes:
        return source.bytes
    index = read_index(Path(source.folder))
    if index is not None and place.quant == "gguf":
        if adapter is None:
            return index.weight_bytes
        from freqkv_cli.quantized.blocks import Q8_0, row_bytes

        return index.weight_bytes + row_bytes(Q8_0, changed_parameters(adapter))
    if index is not None and place.quant == "none":
        return index.parameters * DTYPE_BYTES[place.dtype]
    if place.quant == "none":
        return stored_parameters(Path(source.folder)) * DTYPE_BYTES[place.dtype]
    return weight_bytes(config, quant=place.quant, dtype=place.dtype)
