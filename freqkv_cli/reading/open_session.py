"""Loads the model of a plan and makes its cache: a session that has read nothing."""

import time
from collections.abc import Generator

from freqkv_cli.config import Settings
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.models.loading import LoadedModel, load_model
from freqkv_cli.models.memory import require_fit
from freqkv_cli.reading.plan import Plan, adapter_misfit, make_plan
from freqkv_cli.reading.session import Session, Timing
from freqkv_cli.reading.speed import speed_key


def open_session(settings: Settings, pinned: str = "") -> Generator[Event, None, Session]:
    """Load the model and make the cache; `pinned` is text that joins the instruction among the sinks.

    Raises ModelError, MemoryLimitError, UsageError.
    """
    started = time.perf_counter()
    plan = yield from make_plan(settings, pinned)
    return (yield from load_session(plan, settings, started))


def load_session(plan: Plan, settings: Settings, started: float) -> Generator[Event, None, Session]:
    """Load the model of a plan and make the cache; `started` is when the work began. Raises as `open_session` does."""
    began = time.perf_counter()
    if plan.place.quant == "gguf":
        from freqkv_cli.quantized.modules import must_compile

        if must_compile():
            yield Progress("loading", source=settings.model, detail="compiling for this processor, once")
    loaded = load_plan(plan)
    session = new_session(plan, settings, loaded, started)
    session.timing.load = time.perf_counter() - began
    for note in (*plan.place.notes, *loaded.notes):
        yield Note(note)
    if (misfit := adapter_misfit(plan, settings.policy)) is not None:
        yield session.warn(misfit)
    return session


def new_session(plan: Plan, settings: Settings, loaded: LoadedModel, started: float) -> Session:
    """Return a session with a model that is loaded, and an empty cache as planned."""
    policy = make_policy(settings.policy, loaded.importance)
    cache = make_cache(loaded.model, plan.geometry, policy, window=plan.window)
    engine = Engine(loaded.model, plan.chunk)
    return Session(settings, loaded, engine, cache, plan.prompt, speed_key(plan), Timing(started))


def load_plan(plan: Plan) -> LoadedModel:
    """Load the model of a plan with the package's attention. Raises MemoryLimitError if it cannot fit."""
    require_fit(plan.estimate, plan.available, device=plan.place.device)
    return load_model(
        plan.source,
        device=plan.place.device,
        dtype=plan.place.dtype,
        quant=plan.place.quant,
        attn_implementation=register_attention(),
        tokenizer=plan.prompt.tokenizer,
        adapter=plan.adapter,
    )
