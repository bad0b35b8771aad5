"""Hashes of large files are remembered, by several processes at once."""

from pathlib import Path

import pytest

from freqkv_cli.models import fingerprint
from freqkv_cli.models.fingerprint import weights_print
from freqkv_cli.models.source import resolve_model
from tests.tiny_folder import save_tiny_model


def test_the_draft_of_another_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    source = resolve_model(str(save_tiny_model(tmp_path / "model")))
    first = weights_print(source)
    hashes = tmp_path / "cache" / "hashes.json"
    hashes.unlink()
    theirs = hashes.with_suffix(".draft")  # half written
    theirs.write_text('{"a')
    assert weights_print(source) == first
    assert theirs.read_text() == '{"a'
    assert sorted(path.name for path in hashes.parent.iterdir()) == ["hashes.draft", "hashes.json"]


def test_files_that_did_not_change_are_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    source = resolve_model(str(save_tiny_model(tmp_path / "model")))
    first = weights_print(source)
    monkeypatch.setattr(fingerprint, "sha256", lambda path: pytest.fail(f"{path} was hashed again"))
    assert weights_print(source) == first
