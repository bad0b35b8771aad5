"""The state cache: states that are kept in the user's cache folder, to be found again by what was read and how.

A state's file name is a hash of the documents, one of model and settings, and one of what its notes depend on:
`DOCUMENTS-SETTINGS[-NOTES].freqkv`; a reading that is not finished has a `.checkpoint` of the same name. Files appear
complete or not at all, so whoever finds one may use it without a lock. As states hold text, nobody else may look in.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.documents.document import Document
from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.models.store import cache_folder
from freqkv_cli.states.manifest import FORMAT, Manifest, ReaderIdentity, Slots, read_manifest

STATE, CHECKPOINT, LOCK = ".freqkv", ".checkpoint", ".lock"


def states_folder() -> Path:
    """Where states are kept. It need not exist."""
    return cache_folder() / "states"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the state of certain documents, read in a certain way, belongs."""

    documents: str
    settings: str
    notes: str = ""

    @property
    def name(self) -> str:
        """The file name, without its ending."""
        return "-".join(filter(None, (self.documents, self.settings, self.notes)))

    @property
    def state(self) -> Path:
        """The file of the whole state."""
        return states_folder() / f"{self.name}{STATE}"

    @property
    def checkpoint(self) -> Path:
        """The file of a reading that is not finished."""
        return states_folder() / f"{self.name}{CHECKPOINT}"

    def find(self) -> Path | None:
        """Return the state that is there; one with notes will do for whoever needs none. The latest goes first."""
        pattern = self.state.name if self.notes else f"{self.name}*{STATE}"
        return max(states_folder().glob(pattern), key=_used, default=None)

    def remove(self) -> None:
        """Remove state and checkpoint, if there are any."""
        for path in (self.state, self.checkpoint):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the state cache. `manifest` is None where it cannot be used, `problem` says why. Times are seconds."""

    path: Path
    bytes: int
    used: float
    manifest: Manifest | None
    problem: str = ""


def place_for(
    documents: Sequence[Document],
    pages: str | None,
    reader: ReaderIdentity,
    slots: Slots,
    chunk: int,
    extra: Mapping[str, Any],
) -> Place:
    """Return the place of what comes of reading `documents` like this."""
    how = [FORMAT, reader.weights, reader.tokenizer, reader.prompt, reader.quantization, reader.dtype]
    how += [reader.device.partition(":")[0], slots.policy, slots.cache_size, slots.sink_tokens, slots.recent_tokens]
    how += [slots.retain_ratio, chunk]
    how += [reader.adapter] if reader.adapter is not None else []
    several = len(documents) > 1  # their names are read, too
    what = [
        [document.sha256, document.kind, document.extraction, document.encoding, document.name if several else ""]
        for document in documents
    ]
    return Place(digest([what, pages]), digest(how), digest(extra) if extra else "")


def digest(value: Any) -> str:
    """Return a short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def claimed(place: Place) -> Iterator[bool]:
    """Give whether this process is the one that keeps what is read at `place`, and make the folder. Raises OSError."""
    import filelock

    folder = states_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & 0o077:
        folder.chmod(mode & 0o700)
    path = lock_of(place)
    lock = filelock.FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        remove_drafts(f".{place.name}.*")
        yield True
    finally:
        # Who opened this very file a moment ago gets a lock of no effect: both then write the same state, each whole.
        with suppress(OSError):
            path.unlink()
        lock.release()


def lock_of(place: Place) -> Path:
    """Return the file by which a process says that it keeps what is read at `place`."""
    return states_folder() / f".{place.name}{LOCK}"


def tidy(place: Place) -> None:
    """Remove what a process left that was killed between keeping the state and letting go of its place."""
    if lock_of(place).exists():
        with suppress(OSError), claimed(place) as mine:
            if mine:
                place.checkpoint.unlink(missing_ok=True)


def remove_drafts(pattern: str) -> None:
    """Remove what a process that was killed while writing has left."""
    for path in states_folder().glob(f"{pattern}.draft"):
        shutil.rmtree(path, ignore_errors=True)


def mark_used(path: Path) -> None:
    """Note that a state was used now; the state cache gives up first what was not used for longest."""
    with suppress(OSError):
        os.utime(path)


def list_kept() -> list[Kept]:
    """Return all states and checkpoints, what was used last first."""
    files = [path for ending in (STATE, CHECKPOINT) for path in states_folder().glob(f"[!.]*{ending}")]
    return sorted(filter(None, map(_kept, files)), key=lambda kept: kept.used, reverse=True)


def find_kept(name: str) -> list[Kept]:
    """Return what is kept under a name, which is that of a document or the beginning of a file's name.

    Raises UsageError where there is nothing, or where the beginning is that of several documents.
    """
    kept = list_kept()
    if exact := [one for one in kept if one.manifest and name in (old.name for old in one.manifest.documents)]:
        return exact
    found = [one for one in kept if name and one.path.name.startswith(name)]
    if not found:
        raise UsageError(f"nothing is kept under {name}: freqkv cache list shows what is")
    if len({one.path.name.partition("-")[0] for one in found}) > 1:
        raise UsageError(f"{name} is the beginning of {len(found)} states: give more of it")
    return found


def prune(limit: int) -> list[Kept]:
    """Remove what was not used for longest until at most `limit` bytes are kept; return what was removed."""
    removed = []
    kept = list_kept()
    while kept and sum(one.bytes for one in kept) > limit:
        removed.append(kept.pop())
        removed[-1].path.unlink(missing_ok=True)
    return removed


def _kept(path: Path) -> Kept | None:
    try:
        status = path.stat()
    except OSError:  # another process has just removed it
        return None
    manifest, problem = None, ""
    try:
        manifest = read_manifest(path)
    except StateError as error:
        problem = error.message
    return Kept(path, status.st_size, status.st_mtime, manifest, problem)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
