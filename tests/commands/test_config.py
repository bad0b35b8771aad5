"""freqkv config show, path and set."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from freqkv_cli.config import public_name, setting_types

Run = Callable[..., Result]


def test_show_says_where_each_value_came_from(
    freqkv: Run, plain_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_environment.parent.mkdir()
    plain_environment.write_text('seed = 7\nmodel = "file"\ntype = "pdf"\n')
    monkeypatch.setenv("FREQKV_MODEL", "environment")
    shown = freqkv("config", "show", "--cache-size", "4k", "--json").stdout
    listed = json.loads(shown)
    assert listed["config_file"] == str(plain_environment)
    settings = listed["settings"]
    assert settings["cache_size"] == {"value": 4000, "origin": "flag"}
    assert settings["model"] == {"value": "environment", "origin": "env FREQKV_MODEL"}
    assert settings["seed"] == {"value": 7, "origin": "config file"}
    assert settings["type"] == {"value": "pdf", "origin": "config file"}
    assert settings["top_p"] == {"value": 1.0, "origin": "default"}
    assert list(settings) == [public_name(name) for name in setting_types()]


def test_show_is_a_table(freqkv: Run, plain_environment: Path) -> None:
    first, *lines = freqkv("config", "show", "--top-p", "0.5").stdout.splitlines()
    assert first == f"config file: {plain_environment} (does not exist)"
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["top_p"] == ["0.5", "flag"]
    assert rows["cache_size"] == ["auto", "default"]
    assert rows["stream"] == ["true", "default"]
    assert rows["pages"] == ["-", "default"]


def test_set_then_path_then_show(freqkv: Run, plain_environment: Path) -> None:
    result = freqkv("config", "set", "cache_size", "32K")
    assert (result.stdout, result.stderr) == ("", f"cache_size = 32768 in {plain_environment}\n")
    assert freqkv("config", "path").stdout == f"{plain_environment}\n"
    assert "cache_size          32768      config file\n" in freqkv("config", "show").stdout
