"""A session becomes a state file, and a state file a session."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from freqkv_cli import __version__
from freqkv_cli.config import Settings, flag_name
from freqkv_cli.documents.document import Document
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.errors import FreqkvError, StateError, UsageError
from freqkv_cli.kvcache.cache_file import Shape, read_state, write_state
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.header import damaged, read_head
from freqkv_cli.models.adapter import NONE
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.fingerprint import tokenizer_print, weights_print
from freqkv_cli.models.memory import available_memory, kv_shape
from freqkv_cli.models.source import ModelSource
from freqkv_cli.reading.plan import Plan
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.states.content import Content, from_json, to_json
from freqkv_cli.states.manifest import FORMAT, Manifest, ReaderIdentity, Slots

# Settings that shape the reading: those that were not left to freqkv are kept, and hold again when a state is opened.
SHAPING = ("quant", "dtype", "policy", "cache_size", "sink_tokens", "recent_tokens", "retain_ratio")
BINDING = ("policy", "cache_size", "sink_tokens", "recent_tokens", "retain_ratio")
# Settings without a meaning once all has been read.
OF_READING = ("pages", "start", "until", "encoding", "kind", "ocr", "recursive")
BYTES = "int8"  # keys and values of a byte each (kvcache/eight_bits.py)
PARSED = 6  # times its bytes that text takes while it is being understood


def save_state(
    session: Session,
    path: Path,
    *,
    complete: bool = True,
    extra: Mapping[str, Any] | None = None,
    dtype: str = "auto",
) -> int:
    """Write what `session` has read to a file and return its bytes; not `complete` leaves out the passages.

    `dtype` is what keys and values are stored in; auto is what they are. Raises OSError.
    """
    assert session.retriever is not None
    stored = session.loaded.dtype if dtype == "auto" else dtype
    passages = session.retriever.index if complete else ()
    manifest = describe(session, complete=complete, stored_dtype=stored, extra=extra or {})
    text = to_json(passages, session.notes)
    return write_state(path, session.cache, manifest.table(), text, getattr(torch, stored))


def describe(session: Session, *, complete: bool, stored_dtype: str, extra: Mapping[str, Any]) -> Manifest:
    """Return the manifest of what `session` has read so far."""
    so_far, cache, chosen = session.so_far, session.cache, session.settings
    if so_far.restored is not None:  # it is still the same reading
        return replace(so_far.restored, stored_dtype=stored_dtype, extra=dict(extra))
    stream, retriever = so_far.stream, so_far.retriever
    assert stream is not None
    assert retriever is not None
    assert so_far.reader is not None
    geometry, defaults = cache.geometry, Settings()
    asked = {name: getattr(chosen, name) for name in SHAPING if getattr(chosen, name) != getattr(defaults, name)}
    return Manifest(
        format=FORMAT,
        freqkv=__version__,
        reader=so_far.reader,
        slots=Slots(
            chosen.policy,
            geometry.cache_size,
            geometry.sink_tokens,
            geometry.recent_tokens,
            geometry.retain_ratio,
        ),
        chunk=session.engine.chunk,
        asked=asked,
        documents=[
            stored_document(document, tokens) for document, tokens in zip(stream.documents, stream.tokens, strict=False)
        ],
        warnings=list(session.warnings),
        tokens_read=session.tokens_read,
        tokens_seen=cache.tokens_seen,
        slots_used=cache.length,
        compressions=cache.compressions,
        complete=complete,
        stored_dtype=stored_dtype,
        passages=len(retriever.index) if complete else 0,
        read_on=datetime.now(UTC).date().isoformat(),
        read_seconds=round(session.timing.reused + session.timing.read, 3),
        characters=stream.characters,
        digest=stream.digest.hexdigest(),
        rows_kept=cache.rows_kept,
        queries=cache.observation.count(0),
        seams=list(stream.seams),
        extra=dict(extra),
    )


def stored_document(document: Document | StoredDocument, tokens: int) -> StoredDocument:
    """Return what a state keeps of a document."""
    return StoredDocument(
        name=document.name,
        kind=document.kind,
        sha256=document.sha256,
        byte_count=document.byte_count,
        page_count=document.page_count,
        has_pages=document.has_pages,
        encoding=document.encoding,
        empty_pages=list(document.empty_pages),
        bad_pages=dict(document.bad_pages),
        left_out=dict(document.left_out),
        warnings=list(document.warnings),
        tokens=tokens,
        excerpt=document.excerpt,
    )


def restore(session: Session, path: Path, manifest: Manifest, names: Sequence[str] = ()) -> None:
    """Let `session` have read what a complete state holds; `names` are what its documents are called by now.

    Raises StateError; nothing has been read then.
    """
    content = load(session, path, manifest)
    if names:
        named = zip(manifest.documents, names, strict=True)
        manifest = replace(manifest, documents=[replace(document, name=name) for document, name in named])
    stored = manifest.documents
    if len(content.passages) != manifest.passages or any(
        not 0 <= passage.document < len(stored) for passage in content.passages
    ):
        session.cache.reset()
        raise damaged(path, "its passages are not those of its documents")
    retriever = Retriever(stored)
    retriever.restore(content.passages)
    stream = TokenStream(
        stored,
        session.loaded.tokenizer,
        seams=manifest.seams,
        tokens=[document.tokens for document in stored],
        current=len(stored) - 1,
    )
    so_far = session.so_far
    so_far.retriever, so_far.stream, so_far.notes = retriever, stream, list(content.notes)
    so_far.tokens = so_far.tokens_reused = manifest.tokens_read
    so_far.restored = manifest
    session.warnings[:] = manifest.warnings


def begin_from(session: Session, path: Path, manifest: Manifest) -> None:
    """Let `session.read` go on behind what a state holds, whose text it goes through again. Raises StateError."""
    session.so_far.notes = list(load(session, path, manifest).notes)
    session.so_far.tokens_reused = manifest.tokens_read
    session.timing.reused = manifest.read_seconds


def load(session: Session, path: Path, manifest: Manifest) -> Content:
    """Fill the cache of `session` and return the rest. Raises StateError; the cache is empty then."""
    model = session.loaded.model
    layers, kv_heads, head_dim = kv_shape(model.config)
    heads, most = model.config.num_attention_heads, session.cache.policy.observation_window
    if manifest.queries > most:
        raise damaged(path, f"it holds {manifest.queries} queries, and {manifest.slots.policy} looks at {most}")
    text_bytes = available_memory("cpu") // PARSED
    in_bytes = manifest.stored_dtype == BYTES
    shape = Shape(layers, kv_heads, manifest.slots_used, head_dim, text_bytes, heads, manifest.queries, in_bytes)
    devices = [next(layer.parameters()).device for layer in model.base_model.layers]
    # The checksum is of the manifest as it stands in the file, which may lack what later versions added.
    stored = json.loads(read_head(path))
    if stored.get("checksum", "") != manifest.checksum:
        raise damaged(path, "it has changed since it was opened")
    text = read_state(path, session.cache, stored, shape, devices, getattr(torch, session.loaded.dtype))
    try:
        return from_json(text)
    except (ValidationError, RecursionError):
        session.cache.reset()
        raise damaged(path, "its passages cannot be read") from None


def cache_bytes(plan: Plan, dtype: str) -> int:
    """Return the bytes of the keys and values of a full cache, stored as `dtype`; auto is that of the plan."""
    layers, kv_heads, head_dim = kv_shape(plan.config)
    each: int = getattr(torch, plan.place.dtype if dtype == "auto" else dtype).itemsize
    size = 2 * layers * kv_heads * head_dim * plan.geometry.cache_size * each
    return size + size // 10 if dtype == BYTES else size  # the ranges of their groups take 6 to 9 %


def reader_of(plan: Plan) -> ReaderIdentity:
    """Return which model a plan reads with, and how."""
    prompt = json.dumps([*plan.prompt.prefix, plan.prompt.closing])
    return ReaderIdentity(
        name=lasting_name(plan.source),
        id=plan.source.id,
        revision=plan.source.revision,
        weights=weights_print(plan.source),
        tokenizer=tokenizer_print(plan.prompt.tokenizer),
        prompt=hashlib.sha256(prompt.encode()).hexdigest()[:32],
        pinned_tokens=len(plan.prompt.prefix),
        quantization=plan.place.quant,
        dtype=plan.place.dtype,
        device=plan.place.device,
        adapter=plan.adapter.digest if plan.adapter else None,
        adapter_folder=str(plan.adapter.folder) if plan.adapter and not plan.adapter.shipped else None,
    )


def known_adapter(reader: ReaderIdentity) -> str:
    """Name the adapter that a model read with, for an error."""
    if reader.adapter is None:
        return "no adapter"
    return f"the adapter {reader.adapter} ({reader.adapter_folder or 'which came with freqkv'})"


def lasting_name(source: ModelSource) -> str:
    """Return a --model that finds the same model again from any folder."""
    if source.name in ALIASES:
        return source.name
    if source.gguf_file is not None:
        return source.gguf_file
    return source.id if source.revision is None else f"{source.id}@{source.revision}"


def settings_of(path: Path, manifest: Manifest, settings: Settings) -> Settings:
    """Return `settings` with all that the user left open as the state has it.

    Raises StateError where the user asks for what the state was not read with.
    """
    defaults = Settings()
    for name in OF_READING:
        if getattr(settings, name) != getattr(defaults, name):
            raise UsageError(f"{path} is a state, which has been read already: leave {flag_name(name)} out")
    had = {name: getattr(defaults, name) for name in SHAPING} | manifest.asked
    had |= {"policy": manifest.slots.policy, "cache_size": manifest.slots.cache_size}
    had |= {"recent_tokens": manifest.slots.recent_tokens, "retain_ratio": manifest.slots.retain_ratio}
    changes = {}
    for name, value in had.items():
        wanted = getattr(settings, name)
        if wanted == getattr(defaults, name):
            changes[name] = value
        elif wanted != value and name in BINDING:
            raise StateError(
                f"the state {path} was read with {flag_name(name)} {value}, not {wanted}: leave {flag_name(name)} out, "
                "or read the document again"
            )
    if settings.model == defaults.model:
        changes["model"] = manifest.reader.name
        if manifest.reader.name not in ALIASES:
            changes["offline"] = True  # what a file names is not fetched from anywhere without having been asked for
    if settings.adapter is None and manifest.reader.adapter is None:
        changes["adapter"] = NONE  # whatever has been shipped since
    elif settings.adapter is None:
        changes["adapter"] = manifest.reader.adapter_folder
    try:
        return replace(settings, **changes)
    except (UsageError, TypeError) as error:
        raise damaged(path, f"its settings cannot be: {error}") from None


def slots_of(path: Path, manifest: Manifest, plan: Plan) -> Plan:
    """Return `plan` with the slots of a state. Raises StateError where the state does not go with the plan's model."""
    theirs, reader = manifest.reader, reader_of(plan)
    if theirs.weights != reader.weights:
        what_to_do = f"give --model {theirs.name}, or read the document again"
        if theirs.name == reader.name:
            what_to_do = "that name has another model now, so read the document again"
        raise StateError(
            f"the state {path} was read by {theirs.id} ({theirs.weights}), not by {reader.id} ({reader.weights}): "
            f"{what_to_do}"
        )
    if theirs.tokenizer != reader.tokenizer:
        raise StateError(
            f"the state {path} was read with another tokenizer or chat template of {theirs.id}: read the document again"
        )
    if theirs.adapter != reader.adapter:
        found = f"{known_adapter(reader)}: give --adapter {theirs.adapter_folder or 'none'}, or read the document again"
        raise StateError(f"the state {path} was read with {known_adapter(theirs)}, not with {found}")
    slots = manifest.slots
    try:
        geometry = Geometry(slots.cache_size, slots.sink_tokens, slots.recent_tokens, slots.retain_ratio)
    except FreqkvError as error:
        raise damaged(path, error.message) from None
    if slots.cache_size > plan.window or theirs.pinned_tokens > slots.sink_tokens:
        raise damaged(path, f"it has {slots.cache_size} slots, {slots.sink_tokens} of them sinks")
    return replace(plan, geometry=geometry)
