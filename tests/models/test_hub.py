"""Models of the hub: nothing unsafe or unsupported is downloaded, and every failure is one line."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Progress
from freqkv_cli.models import hub
from freqkv_cli.models.hub import fetch_snapshot, is_complete
from freqkv_cli.models.source import resolve_model
from tests.tiny_models import tiny_config


class FakeHub:
    """A hub with one repository, in the layout of the real cache."""

    def __init__(self, root: Path, files: dict[str, bytes]) -> None:
        self.files = files
        self.snapshot = root / "models--owner--name" / "snapshots" / "abc"
        self.downloads: list[str] = []

    def model_info(self, repository: str, **_: Any) -> SimpleNamespace:
        sizes = [SimpleNamespace(rfilename=name, size=len(data)) for name, data in self.files.items()]
        return SimpleNamespace(sha="abc", siblings=sizes)

    def hf_hub_download(self, repository: str, name: str, **_: Any) -> str:
        self._write(name)
        return str(self.snapshot / name)

    def snapshot_download(
        self, repository: str, *, allow_patterns: list[str], local_files_only: bool = False, **_: Any
    ) -> str:
        if not local_files_only:
            for name in allow_patterns:
                self._write(name)
        elif not self.snapshot.exists():
            raise LocalEntryNotFoundError("nothing cached")
        return str(self.snapshot)

    def _write(self, name: str) -> None:
        self.downloads.append(name)
        self.snapshot.mkdir(parents=True, exist_ok=True)
        (self.snapshot / name).write_bytes(self.files[name])


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(
        tmp_path / "hub",
        {
            "config.json": tiny_config("llama").to_json_string(use_diff=False).encode(),
            "tokenizer.json": b"{}",
            "model.safetensors": bytes(5000),
            "pytorch_model.bin": bytes(9000),
            "original/model.safetensors": bytes(7000),
            "consolidated.safetensors": bytes(7000),
            "modeling_own.py": b"",
        },
    )
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: fake)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake.hf_hub_download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    return fake


def test_only_safe_files_are_fetched_and_only_once(remote: FakeHub) -> None:
    events: list[Event] = []
    source = resolve_model("owner/name@v1", notify=events.append)
    assert (source.id, source.revision, source.bytes) == ("owner/name", "abc", 5000)
    assert set(remote.downloads) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert isinstance(events[0], Progress)
    assert events[0].source.startswith("name (")
    remote.downloads.clear()
    assert resolve_model("owner/name@v1", offline=True) == source
    assert remote.downloads == []


def test_unsupported_architecture_is_refused_before_the_weights(remote: FakeHub) -> None:
    remote.files["config.json"] = b'{"model_type": "gemma2"}'
    with pytest.raises(ModelError, match="gemma2 are not supported"):
        fetch_snapshot("owner/name", None, offline=False, notify=lambda event: None)
    assert remote.downloads == ["config.json"]


def test_pickled_weights_are_refused(remote: FakeHub) -> None:
    del remote.files["model.safetensors"]
    with pytest.raises(ModelError, match="no weights in safetensors format"):
        fetch_snapshot("owner/name", None, offline=False, notify=lambda event: None)
    assert remote.downloads == ["config.json"]


def test_offline(remote: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="--offline is set"):
        fetch_snapshot("owner/name", None, offline=True, notify=lambda event: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        fetch_snapshot("owner/name", None, offline=False, notify=lambda event: None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("GatedRepoError", "is gated"),
        ("RepositoryNotFoundError", "neither a local folder nor a public model"),
        ("RevisionNotFoundError", "no revision v9"),
        ("HfHubHTTPError", "the hub answered 500"),
        ("ConnectionError", "no connection to the hub"),
    ],
)
def test_failure_is_one_line(remote: FakeHub, monkeypatch: pytest.MonkeyPatch, error: str, expected: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        kind = getattr(huggingface_hub.errors, error, None)
        if kind is None:
            raise ConnectionError("refused\nand more")
        failure = kind.__new__(kind)  # its constructor wants an HTTP response of the library of the day
        failure.response = SimpleNamespace(status_code=500)
        raise failure

    monkeypatch.setattr(remote, "model_info", fail)
    with pytest.raises(ModelError, match=expected) as caught:
        fetch_snapshot("owner/name", "v9", offline=False, notify=lambda event: None)
    assert "\n" not in caught.value.message


def test_failure_during_the_download(remote: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = remote.snapshot_download

    def fail(repository: str, *, local_files_only: bool = False, **options: Any) -> str:
        if local_files_only:
            return whole(repository, local_files_only=True, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"is full.*HF_HOME"):
        fetch_snapshot("owner/name", None, offline=False, notify=lambda event: None)


def test_id_that_cannot_be() -> None:
    with pytest.raises(ModelError, match="not a possible hub id"):
        hub.fetch_snapshot("owner/..name", None, offline=True, notify=lambda event: None)


def test_shards_must_all_be_there(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model-1.safetensors"):
        (tmp_path / name).touch()
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not is_complete(tmp_path)
    (tmp_path / "model-2.safetensors").touch()
    assert is_complete(tmp_path)
