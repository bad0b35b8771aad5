"""freqkv info: versions, folders and where they come from, devices, the default model; no weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from freqkv_cli import __version__
from freqkv_cli.commands.info import _model_text, gather_info
from freqkv_cli.models import auto_model
from freqkv_cli.models.auto_model import Choice
from freqkv_cli.models.gguf.index import read_index
from freqkv_cli.models.source import resolve_model
from freqkv_cli.quantized.blocks import Q4_0
from tests.models.tiny_gguf import write_tiny_gguf

ROOT = Path(__file__).parents[2]


def test_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("FREQKV_CONFIG", raising=False)
    monkeypatch.setattr(auto_model, "choose_model", lambda: Choice("smollm2", "why"))
    about = gather_info()
    assert about["versions"]["freqkv"] == __version__
    assert about["folders"]["cache"] == {"path": str(tmp_path / "cache"), "origin": "env FREQKV_CACHE_DIR"}
    assert about["folders"]["config"]["origin"] == "default"
    cpu = about["devices"][0]
    assert cpu["name"] == "cpu"
    assert 0 < cpu["free"] <= cpu["total"]
    assert (about["default_model"]["name"], about["default_model"]["state"]) == ("smollm2", "not there")


def test_the_weights_of_a_model_in_blocks_are_as_large_as_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    gguf = write_tiny_gguf(tmp_path / "tiny.gguf", architecture="llama", kinds=(Q4_0,), width=64)
    source = resolve_model(str(gguf))
    monkeypatch.setattr(auto_model, "choose_model", lambda: Choice(str(gguf), "why"))
    index = read_index(Path(source.folder))
    assert index is not None
    about = gather_info()["default_model"]
    assert about["weights_bytes"] == index.weight_bytes
    assert "of weights in memory" in _model_text(about)


def test_info_is_text_or_json_and_loads_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path))
    script = (
        "import sys, typer; from freqkv_cli.commands.info import info; app = typer.Typer(); app.command()(info)\n"
        "app(sys.argv[1:], standalone_mode=False); print('transformers' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["schema_version"] == 1
    assert done.stderr == "False\n"
