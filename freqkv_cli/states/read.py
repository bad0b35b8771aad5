"""Read documents once, and write what is left of them into a file that can be asked for weeks."""

import errno
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.events import Done, Event, Note
from freqkv_cli.kvcache.header import LENGTH_BYTES, MAGIC, is_state
from freqkv_cli.models.memory import readable
from freqkv_cli.reading.plan import make_plan
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.until import confine
from freqkv_cli.states.opening import ReadingRequest, open_state, read_as_planned, state_among
from freqkv_cli.states.state_file import cache_bytes, save_state


def read(
    documents: Sequence[Document], settings: Settings, target: Path | None, *, force: bool = False
) -> Iterator[Event]:
    """Read `documents` from start to end and write the state to `target`; None keeps it in the cache folder alone."""
    started = time.perf_counter()
    path = state_among(documents)
    if target is not None:
        check_target(target, force)
    elif path is not None:
        raise UsageError(f"{path} is a state, which has been read already: name a file for a copy with -o")
    elif not settings.cache:
        raise UsageError("nothing would be kept: name a file with -o, or leave out --no-cache")
    if path is not None:
        session = yield from open_state(path, settings, started)
    else:
        confine(documents, settings)
        plan = yield from make_plan(settings)
        text = sum(document.byte_count for document in documents if document.kind in ("text", "markdown"))
        size = readable(cache_bytes(plan, settings.state_dtype) + text)
        yield Note(f"the state will take at most about {size}{'' if text else ' and the text'}", wanted=True)
        session = yield from read_as_planned(ReadingRequest(documents, settings, plan, started, extra={}))
    state = None
    if target is not None:
        size_now = save(session, target, settings.state_dtype)
        yield Note(f"{target} takes {readable(size_now)}", wanted=True)
        state = {"path": str(target), "bytes": size_now}
    yield Done(answer_report("read", session, Answer(), state=state))


def save(session: Session, target: Path, dtype: str = "auto") -> int:
    """Write what `session` has read to a file that the user named, and return its bytes. Raises StateError."""
    restored = session.so_far.restored
    try:
        return save_state(session, target, extra=restored.extra if restored else None, dtype=dtype)
    except OSError as error:
        reason = "no space left on its disk" if error.errno == errno.ENOSPC else error.strerror
        raise StateError(f"{target} cannot be written ({reason}): name a file on another disk, or free some") from None


def check_target(target: Path, force: bool) -> None:
    """Raise UsageError where a state should not be written, before minutes of reading."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder: name a file in it, such as {target / 'book.freqkv'}")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}: make it, or name another file")
    if target.exists() and not force:
        with target.open("rb") as file:
            if not is_state(file.read(LENGTH_BYTES + len(MAGIC))):
                raise UsageError(f"{target} exists and is not a state: name another file, or add --force")
