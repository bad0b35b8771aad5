"""All that a task wants read: from a state file, from the state cache, from a checkpoint on, or from scratch."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.documents.state_reader import STATE_KIND
from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.events import Event, Note
from freqkv_cli.kvcache.header import damaged
from freqkv_cli.reading.open_session import load_session
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.session import Session, Watcher
from freqkv_cli.retrieval.until import confine
from freqkv_cli.states.append import grown_from
from freqkv_cli.states.checkpoints import Checkpoints
from freqkv_cli.states.manifest import Manifest, Slots, read_manifest
from freqkv_cli.states.state_cache import Kept, Place, claimed, mark_used, place_for, prune, tidy
from freqkv_cli.states.state_file import begin_from, reader_of, restore, save_state, settings_of, slots_of

MEGABYTE = 10**6


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """What is to be read, and how; `started` is when the work began.

    `extra` is what the notes depend on that are written while reading (a JSON object; none without notes).
    """

    documents: Sequence[Document]
    settings: Settings
    plan: Plan
    started: float
    extra: Mapping[str, Any]
    watch: Callable[[Session], Watcher] | None = None


Loading = Callable[[Plan, Settings, float], Generator[Event, None, Session]]  # what is called as `load_session` is
Opening = Callable[..., Generator[Event, None, Session]]  # what is called as `open_reading` is


def open_reading(
    documents: Sequence[Document],
    settings: Settings,
    *,
    pinned: str = "",
    extra: Mapping[str, Any] | None = None,
    watch: Callable[[Session], Watcher] | None = None,
) -> Generator[Event, None, Session]:
    """Return a session that has read `documents`, which may be a state file.

    `pinned` joins the instruction. `watch` makes the watcher of a reading, which may put notes into `session.notes`;
    `extra` is all that these depend on. Notes that come from a state are JSON objects; when a reading goes on from a
    checkpoint, those of its part are there before the watcher is made. Raises StateError for a state that cannot be
    used, and all that `open_session` and reading raise.
    """
    started = time.perf_counter()
    if (path := state_among(documents, pinned)) is not None:
        return (yield from open_state(path, settings, started))
    confine(documents, settings)
    plan = yield from make_plan(settings, pinned)
    request = ReadingRequest(documents, settings, plan, started, extra or {}, watch)
    return (yield from read_as_planned(request))


def state_among(documents: Sequence[Document], pinned: str = "") -> Path | None:
    """Return the state file that `documents` are, None where they are texts.

    Raises UsageError for a mixture, and for text that is to be `pinned` before what has been read already.
    """
    if not any(document.kind == STATE_KIND for document in documents):
        return None
    if len(documents) > 1:
        raise UsageError("a state is read alone: name it without other documents")
    if (path := documents[0].path) is None:
        raise UsageError("a state cannot be piped in: name the file")
    if pinned:
        raise UsageError(f"{path} is a state, which was read without the question: leave --pin-question out")
    return Path(path)


def open_state(
    path: Path, settings: Settings, started: float, load: Loading = load_session
) -> Generator[Event, None, Session]:
    """Return a session that has read what a state file holds; `load` gives one that has read nothing."""
    manifest, settings, plan = yield from plan_state(path, settings)
    session = yield from load(plan, settings, started)
    session.so_far.reader = reader_of(plan)
    restore(session, path, manifest)
    yield from tell_of(session, manifest, f"from {path.name}")
    return session


def plan_state(path: Path, settings: Settings) -> Generator[Event, None, tuple[Manifest, Settings, Plan]]:
    """Return what a state says of itself, and settings and plan that go with it. Raises StateError."""
    manifest = read_manifest(path)
    if not manifest.complete:
        raise damaged(path, "it is a checkpoint of a reading that did not end")
    settings = settings_of(path, manifest, settings)
    try:
        plan = yield from make_plan(settings)
    except UsageError as error:
        raise StateError(f"the state {path} does not go with {settings.model}: {error.message}") from None
    return manifest, settings, slots_of(path, manifest, plan)


def read_as_planned(request: ReadingRequest) -> Generator[Event, None, Session]:
    """Return a session that has read the documents, with the help of the state cache unless it is switched off."""
    session = yield from load_session(request.plan, request.settings, request.started)
    yield from fill(session, request)
    return session


def fill(session: Session, request: ReadingRequest) -> Generator[Event, None, None]:
    """Let `session`, which has read nothing, read the documents, with the help of the state cache."""
    plan, settings = request.plan, request.settings
    reader, geometry = reader_of(plan), plan.geometry
    slots = Slots(
        settings.policy, geometry.cache_size, geometry.sink_tokens, geometry.recent_tokens, geometry.retain_ratio
    )
    session.so_far.reader = reader
    if settings.quick:
        yield from session.skim(request.documents)
        return
    place = place_for(request.documents, settings.pages, reader, slots, plan.chunk, request.extra)
    if settings.cache and (yield from reopened(session, request, place)):
        tidy(place)
        return
    if not settings.cache:
        yield from session.read(request.documents, watcher_of(session, request))
        return
    with ExitStack() as stack:
        try:
            mine = stack.enter_context(claimed(place))
        except OSError as error:
            yield session.warn(f"{place.state.parent} cannot be written ({error.strerror}): what is read is not kept")
            mine = False
        else:
            if not mine:
                yield Note("another freqkv is reading the same; it keeps what is read, this one does not", wanted=True)
        if not mine:
            yield from session.read(request.documents, watcher_of(session, request))
        elif not (yield from reopened(session, request, place)):  # which another process may just have written
            yield from read_and_keep(session, request, place)


def reopened(session: Session, request: ReadingRequest, place: Place) -> Generator[Event, None, bool]:
    """Take what is on the state cache, and return whether there was something to be used; what cannot be is removed."""
    if request.settings.refresh or (kept := place.find()) is None:
        return False
    try:
        manifest = read_manifest(kept)
        restore(session, kept, manifest, [document.name for document in request.documents])
    except (StateError, OSError, ValueError) as error:
        yield Note(f"what was kept of an earlier reading cannot be used ({error}): reading again", warning=True)
        with suppress(OSError):
            kept.unlink()
        return False
    mark_used(kept)
    for warning in session.warnings:
        yield Note(warning, warning=True)
    yield from tell_of(session, manifest, "from the cache; --refresh reads again")
    return True


def read_and_keep(session: Session, request: ReadingRequest, place: Place) -> Generator[Event, None, None]:
    """Read, from where an earlier reading got to, with checkpoints, and keep the state."""
    if request.settings.refresh:
        place.remove()
        seams = []
    else:
        seams = yield from started_from(session, request, place)
    reused = session.so_far.tokens_reused
    checkpoints = Checkpoints(session, place.checkpoint, request.extra, watcher_of(session, request))
    try:
        yield from session.read(request.documents, checkpoints, seams=seams)
    except KeyboardInterrupt:
        yield from checkpoints.stop()
        raise
    if seams:
        new = session.tokens_read - reused
        yield Note(f"{new:,} new tokens read; {reused:,} were read before", wanted=True)
    try:
        save_state(session, place.state, extra=request.extra, dtype=request.settings.state_dtype)
        place.checkpoint.unlink(missing_ok=True)
        limit = request.settings.states_limit * MEGABYTE
        yield from tell_removed(prune(limit), place, request.settings.states_limit)
    except OSError as error:
        yield session.warn(f"what was read cannot be kept in {place.state.parent} ({error.strerror})")


def watcher_of(session: Session, request: ReadingRequest) -> Watcher | None:
    """Return who follows the reading besides."""
    return request.watch(session) if request.watch is not None else None


def started_from(session: Session, request: ReadingRequest, place: Place) -> Generator[Event, None, list[int]]:
    """Take up a checkpoint, or the state of the same text when it was shorter; return the seams in the text."""
    if place.checkpoint.exists():
        try:
            manifest = read_manifest(place.checkpoint)
            begin_from(session, place.checkpoint, manifest)
        except StateError as error:
            yield Note(f"the checkpoint cannot be used ({error}): reading from the start", warning=True)
            place.checkpoint.unlink(missing_ok=True)
        else:
            yield Note(f"resumed at token {manifest.tokens_read:,}", wanted=True)
            return list(manifest.seams)
    for path, manifest in grown_from(request.documents, place):
        try:
            begin_from(session, path, manifest)
        except StateError:
            continue  # to be found damaged, and removed, when its own document is asked for
        mark_used(path)
        yield Note(f"the text has grown: its first {manifest.tokens_read:,} tokens are known", wanted=True)
        return [*manifest.seams, manifest.characters]
    return []


def tell_of(session: Session, manifest: Manifest, where: str) -> Generator[Event, None, None]:
    """Say where a session has what it knows from."""
    yield Note(f"read {manifest.tokens_read:,} tokens on {manifest.read_on}, {where}", wanted=True)
    theirs, ours = manifest.reader, session.so_far.reader
    assert ours is not None
    if manifest.stored_dtype != ours.dtype or (theirs.quantization, theirs.dtype) != (ours.quantization, ours.dtype):
        yield Note(
            f"read with weights in {theirs.quantization}, {theirs.dtype}, and kept in {manifest.stored_dtype}; this "
            f"run has {ours.quantization}, {ours.dtype}: answers can differ a little"
        )
    if theirs.prompt != ours.prompt:
        yield session.warn("the state was read under another instruction than this freqkv's, which still stands in it")


def tell_removed(removed: Sequence[Kept], place: Place, limit: int) -> Generator[Event, None, None]:
    """Say what had to leave the state cache."""
    if any(kept.path == place.state for kept in removed):
        yield Note(f"what was read is larger than --states-limit {limit} MB and is not kept", warning=True)
    elif removed:
        freed = sum(kept.bytes for kept in removed) // MEGABYTE
        yield Note(f"{len(removed)} older states removed from the cache, {freed} MB (--states-limit {limit} MB)")
