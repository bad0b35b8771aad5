"""What is measured: a model, the division of its cache, and how both came about."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.measurement.random_weights import build_random, shape_config
from freqkv_cli.models.device_defaults import device_defaults
from freqkv_cli.models.loading import LoadedModel
from freqkv_cli.models.memory import auto_cache_size, available_memory, estimate_memory, require_fit, slot_bytes
from freqkv_cli.models.source import ModelSource
from freqkv_cli.models.support import model_window
from freqkv_cli.reading.open_session import load_plan
from freqkv_cli.reading.plan import make_plan, pinned_geometry, place_for


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded model with its slots. `tokenizer` is None for random weights; `window` and `chunk` are tokens."""

    loaded: LoadedModel
    geometry: Geometry
    window: int
    chunk: int

    @property
    def tokenizer(self) -> Any:
        """What makes tokens of text; None when the weights are random."""
        return self.loaded.tokenizer

    @property
    def slot_bytes(self) -> int:
        """Bytes of one slot of a 16-bit cache."""
        return slot_bytes(self.loaded.model.config, "float16")

    def as_json(self) -> dict[str, Any]:
        """Return model and cache for a report."""
        loaded, geometry = self.loaded, self.geometry
        return {
            "model": {
                "id": loaded.source.id,
                "quantization": loaded.quant,
                "dtype": loaded.dtype,
                "device": loaded.device,
                "adapter": loaded.adapter.name if loaded.adapter else None,
                "weights_bytes": loaded.weight_bytes,
                "window": self.window,
            },
            "cache": {
                "cache_size": geometry.cache_size,
                "sink_tokens": geometry.sink_tokens,
                "recent_tokens": geometry.recent_tokens,
                "retain_ratio": geometry.retain_ratio,
                "chunk": self.chunk,
            },
        }


def open_subject(settings: Settings, shape: str | None) -> Generator[Event, None, Subject]:
    """Load the model of the settings, or build one of random weights. Raises what loading and fitting raise."""
    if shape is not None:
        yield Progress("loading", source=f"{shape} (random weights)")
        return build_subject(settings, shape)
    plan = yield from make_plan(settings)
    loaded = load_plan(plan)
    for note in (*plan.place.notes, *loaded.notes):
        yield Note(note)
    return Subject(loaded, plan.geometry, plan.window, plan.chunk)


def build_subject(settings: Settings, shape: str) -> Subject:
    """Build a model of random weights. Raises UsageError for an unknown shape, MemoryLimitError if it cannot fit."""
    config = shape_config(shape)
    place = place_for(config, settings)
    window, chunk = model_window(config), settings.chunk or device_defaults(place.device).chunk
    available = available_memory(place.device)
    needs: dict[str, Any] = {"quant": place.quant, "dtype": place.dtype, "device": place.device, "chunk": chunk}
    cache_size = min(settings.cache_size or auto_cache_size(config, available=available, **needs), window)
    require_fit(estimate_memory(config, cache_size=cache_size, **needs), available, device=place.device)
    model = build_random(config, device=place.device, dtype=place.dtype, quant=place.quant, seed=settings.seed or 0)
    source = ModelSource(shape, f"{shape} (random weights)", "", None, None, None)
    loaded = LoadedModel(
        model=model,
        tokenizer=None,
        source=source,
        quant=place.quant,
        dtype=place.dtype,
        device=place.device,
        weight_bytes=model.get_memory_footprint(return_buffers=False),
        notes=list(place.notes),
    )
    return Subject(loaded, pinned_geometry(settings, cache_size, 0), window, chunk)
