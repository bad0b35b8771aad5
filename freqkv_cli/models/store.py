"""Converted models in the user's cache folder. A folder appears there complete or not at all.

A model is built in a hidden sibling folder under a lock and renamed when it is done; a process that was killed
leaves only such a sibling behind, which the next builder removes. What takes long to fetch has another, which stays.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Note, Progress

FORMAT = 2  # of the manifest and the folder; raise it when an older folder can no longer be used
MANIFEST = "manifest.json"
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)

Notify = Callable[[Event], None]


def cache_folder() -> Path:
    """Where freqkv keeps what it can make again: $FREQKV_CACHE_DIR, or the user's cache folder. It need not exist."""
    return Path(os.environ.get("FREQKV_CACHE_DIR") or platformdirs.user_cache_dir("freqkv")).expanduser().absolute()


def models_folder() -> Path:
    """Where converted models are kept. It need not exist."""
    return cache_folder() / "models"


def unfinished(entry: str) -> Path:
    """Where the work on a model is kept that goes on after a stop. It need not exist; for whoever holds the lock."""
    return models_folder() / f".unfinished-{entry}"


def provide(entry: str, build: Callable[[Path], dict[str, Any]], notify: Notify) -> Path:
    """The folder of a stored model, built first if it is missing or damaged.

    `build` fills an empty folder and returns what the manifest should say about the origin. Of several processes
    that ask at once, one builds and the others wait. Raises ModelError if the folder cannot be written.
    """
    folder = models_folder() / entry
    if damage(folder) is None:
        return folder
    with writing_to(models_folder()):
        models_folder().mkdir(parents=True, exist_ok=True)
        with locked(entry, notify):
            problem = damage(folder)
            if problem is not None:
                if folder.exists():
                    notify(Note(f"the stored model {entry} is damaged ({problem}): building it again", warning=True))
                _build(folder, build)
    return folder


def remove(entry: str) -> int:
    """Delete a stored model, and return the bytes that this freed. Raises ModelError if it is in use or protected."""
    folder = models_folder() / entry
    with writing_to(models_folder()), locked(entry, _refuse_to_wait):
        there = [path for path in (folder, unfinished(entry)) if path.exists()]
        freed = sum(map(folder_bytes, there))
        _remove_leftovers(entry)
        for path in there:
            shutil.rmtree(path)
    return freed


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What is known of a stored model, or None if there is no manifest that can be understood."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


def rewrite_origin(folder: Path, origin: dict[str, Any]) -> None:
    """Note another origin of the same bytes in a manifest; its date stays, which `damage` goes by."""
    manifest = read_manifest(folder)
    if manifest is not None:
        date = (folder / MANIFEST).stat().st_mtime_ns
        _write_manifest(folder, {**manifest, "origin": origin})
        os.utime(folder / MANIFEST, ns=(date, date))


def damage(folder: Path, *, thorough: bool = False) -> str | None:
    """What is wrong with a stored model, or None. Compares sizes; `thorough` also hashes what was written after the
    manifest was, which has the hashes of all that lay there then.
    """
    if not folder.is_dir():
        return "not there"
    manifest = read_manifest(folder)
    if manifest is None:
        return "no manifest of this version"
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected["bytes"]:
            return f"{name} has {path.stat().st_size:,} bytes instead of {expected['bytes']:,}"
        written = path.stat().st_mtime_ns >= (folder / MANIFEST).stat().st_mtime_ns
        if thorough and written and sha256(path) != expected["sha256"]:
            return f"{name} has changed"
    return None


def stored_entries() -> list[str]:
    """The names of the folders that hold a stored model, whole or damaged."""
    if not models_folder().is_dir():
        return []
    return sorted(path.name for path in models_folder().iterdir() if path.is_dir() and not path.name.startswith("."))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below a folder; files that vanish meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def require_room(needed: int, folder: Path, variable: str = "FREQKV_CACHE_DIR") -> None:
    """Raises ModelError if the disk that holds `folder` has fewer than `needed` bytes free."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ModelError(
            f"not enough disk space in {folder}: {needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free; "
            f"free some, or set {variable} to a folder on another disk"
        )


@contextmanager
def writing_to(folder: Path, variable: str = "FREQKV_CACHE_DIR") -> Iterator[None]:
    """Turns a disk that is full or protected into a ModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_IS_FULL:
            raise ModelError(
                f"the disk that holds {folder} is full; free some space, or set {variable} to another disk"
            ) from error
        if isinstance(error, (PermissionError, FileExistsError, NotADirectoryError)) or error.errno == errno.EROFS:
            raise ModelError(
                f"cannot write in {folder} ({error.strerror}); set {variable} to a folder that is yours"
            ) from error
        raise


@contextmanager
def locked(entry: str, notify: Notify) -> Iterator[None]:
    """Holds the lock of one stored model; says so before it waits for another process."""
    import filelock

    lock = filelock.FileLock(models_folder() / f".{entry}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        notify(Progress(phase="loading", source="(waiting for another freqkv)"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(folder: Path, build: Callable[[Path], dict[str, Any]]) -> None:
    _remove_leftovers(folder.name)
    workspace = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        origin = build(workspace)
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in sorted(workspace.iterdir())
        }
        _write_manifest(workspace, {"format": FORMAT, "origin": origin, "files": files})
        _share(workspace)
        for path in (*workspace.iterdir(), workspace):
            _sync(path)
        if folder.exists():
            # A folder that is not empty cannot be replaced: the damaged one becomes a leftover first.
            folder.rename(Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)) / "damaged")
        workspace.rename(folder)
        _sync(folder.parent)
    finally:
        _remove_leftovers(folder.name)


def _remove_leftovers(entry: str) -> None:
    for path in models_folder().glob(f".{entry}.*/"):
        shutil.rmtree(path, ignore_errors=True)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    draft = folder / f".{MANIFEST}"
    draft.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    draft.replace(folder / MANIFEST)


def _share(workspace: Path) -> None:
    """Gives a new folder and its files the permissions of the folder above: a team may share one cache."""
    mode = workspace.parent.stat().st_mode & 0o777
    for path in workspace.iterdir():
        if path.stat().st_nlink == 1:  # else it is the user's file, too
            path.chmod(mode & 0o666)
    workspace.chmod(mode)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot sync a folder
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_to_wait(event: Event) -> None:
    raise ModelError("another freqkv process is preparing this model; try again when it is done")
