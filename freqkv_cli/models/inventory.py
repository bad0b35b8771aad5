"""Which models are on this machine: the aliases, converted GGUF files, and what the hub's cache holds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from freqkv_cli.errors import ModelError
from freqkv_cli.models import store
from freqkv_cli.models.aliases import ALIASES, AUTO
from freqkv_cli.models.memory import readable
from freqkv_cli.models.source import GGUF

Kind = Literal["alias", "gguf", "hub"]


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that can be named with --model. `state` is ready, not there, or what is wrong with it.

    `bytes` is all it takes on disk; `folder` is None when nothing of it is there.
    """

    name: str
    kind: Kind
    state: str
    bytes: int
    folder: str | None = None
    architecture: str | None = None
    gguf_file: str | None = None
    origin: str | None = None
    sha256: str | None = None


def list_models() -> list[LocalModel]:
    """Every model that is known here, aliases first."""
    return [*_aliases(), *_converted(), *hub_models()]


def find_model(name: str) -> LocalModel:
    """The local model with this name; `auto` is the one that it means here. Raises ModelError if there is none."""
    if name == AUTO:
        from freqkv_cli.models.auto_model import choose_model

        name = choose_model().name
    known = list_models()
    for model in known:
        if name == model.name or (model.gguf_file and Path(name).expanduser().absolute() == Path(model.gguf_file)):
            return model
    raise ModelError(f"no model {name} on this machine; known here: {', '.join(model.name for model in known)}")


def remove_model(model: LocalModel) -> int:
    """Delete a model's files and return the bytes that this freed. A GGUF that is not freqkv's own is left alone."""
    if model.folder is None:
        raise ModelError(f"the model {model.name} is not on this machine: there is nothing to remove")
    if model.kind == "alias":
        return store.remove(ALIASES[model.name].entry)
    if model.kind == "gguf":
        return store.remove(Path(model.folder).name)
    import huggingface_hub
    from huggingface_hub import constants

    cache = huggingface_hub.scan_cache_dir(constants.HF_HUB_CACHE)
    commits = [
        revision.commit_hash
        for repository in cache.repos
        if repository.repo_type == "model" and repository.repo_id == model.name
        for revision in repository.revisions
    ]
    strategy = cache.delete_revisions(*commits)
    strategy.execute()
    return strategy.expected_freed_size


def _aliases() -> Iterator[LocalModel]:
    for alias, model in ALIASES.items():
        folder, begun = store.models_folder() / model.entry, store.unfinished(model.entry)
        about = LocalModel(
            name=alias,
            kind="alias",
            state="not there",
            bytes=store.folder_bytes(folder) + store.folder_bytes(begun),
            origin=f"{model.title}, {readable(model.bytes)}, {model.licence}",
            sha256=model.sha256,
        )
        if folder.is_dir():
            gguf = folder / GGUF
            yield replace(
                about,
                state=store.damage(folder) or "ready",
                folder=str(folder),
                architecture=_architecture(folder),
                gguf_file=str(gguf) if gguf.is_file() else None,
            )
        elif about.bytes:
            gguf = begun / GGUF
            share = min(gguf.stat().st_size / model.bytes, 1.0) if gguf.is_file() else 0.0
            yield replace(about, state=f"{share:.0%} fetched: pull goes on", folder=str(begun))
        else:
            yield about


def _converted() -> Iterator[LocalModel]:
    ours = {model.entry for model in ALIASES.values()}
    for entry in store.stored_entries():
        if entry not in ours:
            folder = store.models_folder() / entry
            path = (store.read_manifest(folder) or {}).get("origin", {}).get("path")
            yield LocalModel(
                name=path or entry,
                kind="gguf",
                state=store.damage(folder) or ("ready" if path and Path(path).is_file() else "the .gguf is gone"),
                bytes=store.folder_bytes(folder),
                folder=str(folder),
                architecture=_architecture(folder),
                gguf_file=path,
                origin=path,
            )


def hub_models() -> Iterator[LocalModel]:
    """The models in the hub's cache."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import CacheNotFound

    from freqkv_cli.models.hub import is_complete

    try:
        cache = huggingface_hub.scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return
    for repository in sorted(cache.repos, key=lambda one: one.repo_id):
        if repository.repo_type != "model":
            continue
        folders = [revision.snapshot_path for revision in repository.revisions]
        usable = [folder for folder in folders if is_complete(folder)]
        shown = (usable or folders or [repository.repo_path])[0]
        yield LocalModel(
            name=repository.repo_id,
            kind="hub",
            state="ready" if usable else "not complete, or no safetensors",
            bytes=repository.size_on_disk,
            folder=str(shown),
            architecture=_architecture(shown),
            origin="the hub's cache",
        )


def _architecture(folder: Path) -> str | None:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return None
    return kind if isinstance(kind, str) else None
