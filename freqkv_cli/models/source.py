"""What a user calls a model, and where its files are: an alias, a hub id, a local folder or a local .gguf file."""

import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.models import store
from freqkv_cli.models.aliases import ALIASES, AUTO, KnownModel
from freqkv_cli.models.store import Notify
from freqkv_cli.models.wheel import UnreachableError

GGUF = "model.gguf"  # in the folder of a known model
HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model whose files are on this machine.

    `name` is what the user called it, `id` names the exact model, `folder` holds config, tokenizer and safetensors,
    `gguf_file` is the GGUF it was made from, `bytes` is the size of its weights on disk.
    """

    name: str
    id: str
    folder: str
    gguf_file: str | None
    revision: str | None
    bytes: int | None


def ignore(event: Event) -> None:
    """Tells nobody."""


def resolve_model(
    name: str,
    *,
    offline: bool = False,
    models_dir: str | None = None,
    device: str = "auto",
    notify: Notify = ignore,
) -> ModelSource:
    """Find a model's files, downloading and converting what is missing. Raises ModelError if that cannot be done.

    `models_dir` is a folder of the user's with GGUF files; `device` is where the model that `auto` chooses has to fit.
    """
    path = Path(name).expanduser()
    if name == AUTO:
        return _chosen(offline, models_dir, device, notify)
    if name in ALIASES:
        return _from_known(ALIASES[name], offline, models_dir, notify)
    if path.is_dir():
        return _from_folder(name, path)
    if path.suffix.lower() == ".gguf":
        return _from_gguf(name, path, notify)
    if path.is_file():
        raise ModelError(f"{name} is a file but not a .gguf: name a model's folder, or a .gguf file")
    if name.startswith((".", "/", "~")):
        raise ModelError(f"there is no model folder {name}")
    match = HUB_ID.fullmatch(name)
    if match is None:
        near = get_close_matches(name, ALIASES, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ModelError(
            f"unknown model {name}: use an alias ({', '.join(ALIASES)}), a hub id (owner/name), a local folder "
            f"or a .gguf file{meant}"
        )
    from freqkv_cli.models.hub import fetch_snapshot

    snapshot = fetch_snapshot(match["repository"], match["revision"], offline=offline, notify=notify)
    return ModelSource(name, match["repository"], str(snapshot), None, snapshot.name, weights_on_disk(snapshot))


def _chosen(offline: bool, models_dir: str | None, device: str, notify: Notify) -> ModelSource:
    """The model that --model auto means here; what is on this machine, where that one cannot be fetched."""
    from freqkv_cli.models.auto_model import best_here, choose_model

    choice = choose_model(device, offline=offline, models_dir=models_dir)
    notify(Note(f"reading with {choice.name}: {choice.reason}; --model takes another", wanted=True))
    try:
        return resolve_model(choice.name, offline=offline, models_dir=models_dir, notify=notify)
    except UnreachableError as error:
        other = best_here(device, models_dir)
        if other is None:
            raise
        notify(Note(f"{error.message}; reading with {other}, which is here", warning=True))
        return resolve_model(other, offline=True, models_dir=models_dir, notify=notify)


def weights_on_disk(folder: Path) -> int:
    """The bytes of a folder's weight files."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def stored_parameters(folder: Path) -> int:
    """The numbers in a folder's safetensors files, counted from their headers. Raises ModelError if one is broken."""
    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with path.open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            total += sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError) as error:
            raise ModelError(f"{path} is broken: download the model again") from error
    return total


def require_weights(name: str, folder: Path) -> None:
    """Raises ModelError unless a folder holds a config and weights that are safe to load."""
    if not (folder / "config.json").is_file():
        ggufs = sorted(folder.glob("*.gguf"))
        hint = f"; name the file: --model {ggufs[0]}" if ggufs else ""
        raise ModelError(f"{name} is not a model: it has no config.json{hint}")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{name} has no weights in safetensors format: others (.bin, .pt) can run code when loaded, so they are "
            "refused; use a model with safetensors"
        )


def _from_known(model: KnownModel, offline: bool, models_dir: str | None, notify: Notify) -> ModelSource:
    build = partial(_build_from_known, model, offline, models_dir, notify)
    folder = store.provide(model.entry, build, notify)
    identity = f"{model.alias}@{model.sha256[:8]}"
    return ModelSource(model.alias, identity, str(folder), str(folder / GGUF), model.sha256, weights_on_disk(folder))


def _build_from_known(
    model: KnownModel, offline: bool, models_dir: str | None, notify: Notify, folder: Path
) -> dict[str, Any]:
    from freqkv_cli.models.conversion import convert_gguf
    from freqkv_cli.models.fetch import provide_gguf

    try:
        gguf = provide_gguf(model, offline=offline, models_dir=models_dir, notify=notify)
    finally:
        with suppress(OSError):
            store.unfinished(model.entry).rmdir()  # if there is nothing in it
    notify(Progress(phase="loading", source=f"{model.alias} (unpacking)"))
    convert_gguf(gguf, folder)
    gguf.rename(folder / GGUF)  # not before: what was fetched outlives a failure
    shutil.rmtree(gguf.parent)
    return {"kind": "known", "gguf": model.file, "gguf_sha256": model.sha256}


def _from_folder(name: str, folder: Path) -> ModelSource:
    require_weights(name, folder)
    return ModelSource(name, str(folder.resolve()), str(folder), None, None, weights_on_disk(folder))


def _from_gguf(name: str, path: Path, notify: Notify) -> ModelSource:
    if not path.is_file():
        raise ModelError(f"there is no file {name}")
    path = path.resolve()
    stat = path.stat()
    origin: dict[str, Any] = {"kind": "gguf", "path": str(path), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    entry = _known_entry(origin)
    if entry is None:
        notify(Progress(phase="loading", source=f"{path.name} (checking)"))
        origin["gguf_sha256"] = store.sha256(path)
        entry = f"gguf-{origin['gguf_sha256'][:16]}"
        if store.damage(store.models_folder() / entry) is None:
            store.rewrite_origin(store.models_folder() / entry, origin)
    folder = store.provide(entry, partial(_build_from_gguf, path, origin, notify), notify)
    sha256 = (store.read_manifest(folder) or {})["origin"].get("gguf_sha256")
    return ModelSource(name, f"{path.name}@{entry}", str(folder), str(path), sha256, weights_on_disk(folder))


def _known_entry(origin: dict[str, Any]) -> str | None:
    """The whole stored model that was made from this very file, so that gigabytes need not be hashed again."""
    for entry in store.stored_entries():
        folder = store.models_folder() / entry
        manifest = store.read_manifest(folder)
        if manifest and origin.items() <= manifest["origin"].items() and store.damage(folder) is None:
            return entry
    return None


def _build_from_gguf(path: Path, origin: dict[str, Any], notify: Notify, folder: Path) -> dict[str, Any]:
    from freqkv_cli.models.conversion import convert_gguf, read_facts

    store.require_room(read_facts(path).converted_bytes, store.models_folder())
    notify(Progress(phase="loading", source=f"{path.name} (unpacking)"))
    convert_gguf(path, folder)
    return origin
