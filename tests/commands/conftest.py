"""The command line in this process, with played tasks."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.commands import fakes


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variables of ours, and a config file that does not exist yet; returns its path."""
    for name in os.environ:
        if name.startswith("FREQKV_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    path = tmp_path / "config" / "config.toml"
    monkeypatch.setenv("FREQKV_CONFIG", str(path))
    return path


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Plays the tasks; holds what they were called with."""

    def put(name: str, module: ModuleType) -> None:
        monkeypatch.setitem(sys.modules, name, module)
        package, _, own = name.rpartition(".")
        if package in sys.modules:  # which holds the real module, and is looked at first, once a test has imported it
            monkeypatch.setattr(sys.modules[package], own, module, raising=False)

    return fakes.install("plain", put)


@pytest.fixture
def freqkv() -> Callable[..., Result]:
    """Runs freqkv in this process; stdin is not a terminal. Exceptions come back in the result."""
    from freqkv_cli.commands.app import app

    def run(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, arguments, input=stdin, standalone_mode=False)

    return run
