"""Fingerprints: which weights and which tokenizer these are, the same on every machine."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from freqkv_cli.models.source import ModelSource
from freqkv_cli.models.store import cache_folder, sha256

PRINT_DIGITS = 32


def weights_print(source: ModelSource) -> str:
    """Return what names the weights of a model: the hash of its GGUF, its revision, or the hash of its files."""
    if source.gguf_file is not None:
        return f"gguf-{source.revision[:16]}" if source.revision else Path(source.folder).name
    if source.revision is not None:
        return f"{source.id}@{source.revision}"
    folder = Path(source.folder)
    files = sorted((*folder.glob("*.safetensors"), folder / "config.json"))
    # Gigabytes are hashed once, and again when size or time of a file have changed.
    known = _remembered()
    now = {f"{path.resolve()}|{path.stat().st_size}|{path.stat().st_mtime_ns}": path for path in files}
    hashes = {stamp: known.get(stamp) or sha256(path) for stamp, path in now.items()}
    if not hashes.items() <= known.items():
        _remember({**known, **hashes})
    return hashlib.sha256("".join(hashes.values()).encode()).hexdigest()[:PRINT_DIGITS]


def tokenizer_print(tokenizer: Any) -> str:
    """Return a hash of a tokenizer's tokens, in their order, and of its chat template."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    template = getattr(tokenizer, "chat_template", None)
    said = "\n".join((*tokens, json.dumps(template, sort_keys=True)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:PRINT_DIGITS]


def _path() -> Path:
    return cache_folder() / "hashes.json"


def _remembered() -> dict[str, str]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in known.items()} if isinstance(known, dict) else {}


def _remember(hashes: dict[str, str]) -> None:
    with suppress(OSError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        draft = _path().with_suffix(f".{os.getpid()}.draft")  # of this process alone: two may hash at once
        try:
            draft.write_text(json.dumps(hashes), encoding="utf-8")
            draft.replace(_path())
        finally:
            draft.unlink(missing_ok=True)
