"""freqkv doctor: each check says ok, warning, error or skipped; only an error fails."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from freqkv_cli.commands import doctor as doctor_module
from freqkv_cli.commands.doctor import (
    CHECKS,
    Finding,
    check_bitsandbytes,
    check_default_model,
    check_disk,
    check_kernels,
    check_memory,
    check_python,
    check_readers,
    check_torch,
    doctor,
    examine,
)
from freqkv_cli.errors import ModelError
from freqkv_cli.models import auto_model
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.auto_model import Choice
from freqkv_cli.models.store import provide
from tests.models.preparing import stand_in, write_converted

app = typer.Typer()
app.command()(doctor)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(ALIASES, "smollm2", stand_in())
    monkeypatch.setattr(auto_model, "choose_model", lambda: Choice("smollm2", "why"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "check",
    [check_python, check_torch, check_bitsandbytes, check_kernels, check_memory, check_disk, check_readers],
)
def test_this_machine_is_well(check: doctor_module.Check) -> None:
    assert examine(check).status == "ok"


def test_default_model() -> None:
    assert check_default_model().status == "warning"

    def build(folder: Path) -> dict[str, str]:
        write_converted(folder / "model.gguf", folder)
        return {}

    folder = provide(stand_in().entry, build, lambda event: None)
    assert check_default_model().status == "ok"
    (folder / "model.safetensors").write_bytes(bytes(999) + b"x")
    finding = check_default_model()
    assert finding.status == "error"
    assert "models pull smollm2" in finding.fix


def test_disk(cache: Path) -> None:
    cache.write_text("in the way")
    finding = check_disk()
    assert finding.status == "error"
    assert "cannot write in" in finding.message


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.models.memory.available_memory", lambda device: 10)
    finding = check_memory()
    assert finding.status == "error"
    assert "10 B free" in finding.message


def test_check_that_fails_itself_is_an_error() -> None:
    def broken() -> Finding:
        raise ImportError("libfoo.so is missing")

    def refused() -> Finding:
        raise ModelError("no")

    assert examine(broken).message == "ImportError: libfoo.so is missing"
    assert examine(broken).status == "error"
    assert examine(refused) == Finding("error", "no")


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warning", 0), ("skipped", 0), ("error", 1)])
def test_only_an_error_fails(monkeypatch: pytest.MonkeyPatch, status: doctor_module.Status, code: int) -> None:
    finding = Finding(status, "found", "do this")
    monkeypatch.setattr(doctor_module, "CHECKS", {"one": CHECKS["python"], "two": lambda: finding})
    text = CliRunner().invoke(app, [])
    assert text.exit_code == code
    assert ("fix: do this" in text.stdout) == (status in ("warning", "error"))
    assert text.stdout.splitlines()[-1].count(f"{1 + (status == 'ok')} {status}") == 1
    report = json.loads(CliRunner().invoke(app, ["--json"]).stdout)
    assert report["checks"][1] == {"check": "two", "status": status, "message": "found", "fix": "do this"}
