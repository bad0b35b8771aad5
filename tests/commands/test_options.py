"""Flags, environment and config file become settings, in that order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.commands.options import DESCRIBED
from freqkv_cli.commands.usage import usage_problem
from freqkv_cli.config import Settings, setting_types
from freqkv_cli.errors import FreqkvError

Run = Callable[..., Result]


def problem(result: Result) -> str:
    """The line that main would print."""
    error = result.exception
    assert error is not None
    return error.message if isinstance(error, FreqkvError) else str(usage_problem(error))


def test_every_setting_is_described() -> None:
    assert list(DESCRIBED) == list(setting_types())


def test_defaults_reach_the_task(freqkv: Run, called: dict[str, Any]) -> None:
    assert freqkv("summarize", "a.txt").exception is None
    assert called["settings"] == Settings()


def test_flag_beats_environment_beats_file_beats_default(
    freqkv: Run, called: dict[str, Any], plain_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_environment.parent.mkdir()
    plain_environment.write_text('model = "file"\nseed = 1\ncache_size = "4k"\nstream = false\n')
    monkeypatch.setenv("FREQKV_MODEL", "environment")
    monkeypatch.setenv("FREQKV_SEED", "2")
    freqkv("summarize", "a.txt", "--model", "flag")
    assert called["settings"] == Settings(model="flag", seed=2, cache_size=4000, stream=False)


@pytest.mark.parametrize(
    ("arguments", "setting", "value"),
    [
        (["--cache-size", "32K"], "cache_size", 32_768),
        (["-m", "x.gguf"], "model", "x.gguf"),
        (["-n", "1k"], "max_tokens", 1000),
        (["--type", "html"], "kind", "html"),
        (["--no-stream"], "stream", False),
        (["--offline"], "offline", True),
        (["--length", "150 words"], "length", 150),
        (["--policy", "window"], "policy", "window"),
        (["--retain-ratio", "0.25"], "retain_ratio", 0.25),
        (["--pages", "1-20,35,40-"], "pages", "1-20,35,40-"),
    ],
)
def test_flags(freqkv: Run, called: dict[str, Any], arguments: list[str], setting: str, value: object) -> None:
    freqkv("summarize", "a.txt", *arguments)
    assert called["settings"] == Settings(**{setting: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variables", "file", "arguments", "line"),
    [
        ({}, "", ["--top-p", "2"], "--top-p must be above 0 and at most 1, not 2.0"),
        ({}, "", ["--top-p", "x"], "--top-p must be a number, not x"),
        ({"FREQKV_TOP_P": "2"}, "", [], "FREQKV_TOP_P must be above 0 and at most 1, not 2.0"),
        ({"FREQKV_TOP_P": "x"}, "", [], "FREQKV_TOP_P must be a number, not x"),
        ({}, "top_p = 2", [], "config file {path}: top_p must be above 0 and at most 1, not 2.0"),
        ({}, "top_p = 'x'", [], "config file {path}: top_p must be a number without quotes, not 'x'"),
        ({"FREQKV_TOP_P": "2"}, "top_p = 3", ["--top-p", "4"], "--top-p must be above 0 and at most 1, not 4.0"),
        ({}, "", ["--quant", "2bit"], "--quant must be one of auto, 4bit, 8bit, gguf, none, not 2bit"),
        ({}, "", ["--cache-size", "5"], "--cache-size must be at least 6 (sink tokens + recent tokens + 2), not 5"),
        ({}, "", ["--bananas"], "No such option: --bananas; see freqkv summarize --help"),
        ({}, "", ["--seed"], "Option '--seed' requires an argument"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_where_it_was_set(
    freqkv: Run,
    called: dict[str, Any],
    plain_environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    file: str,
    arguments: list[str],
    line: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if file:
        plain_environment.parent.mkdir()
        plain_environment.write_text(file)
    assert problem(freqkv("summarize", "a.txt", *arguments)) == line.format(path=plain_environment)
    assert called == {}  # nothing was opened


def test_help_needs_no_config_file_and_shows_built_in_defaults(freqkv: Run, plain_environment: Path) -> None:
    plain_environment.parent.mkdir()
    plain_environment.write_text("broken")
    assert "[default: auto]" in freqkv("summarize", "--help").output
    plain_environment.write_text('model = "mine"')
    assert "[default: auto]" in freqkv("summarize", "-h").output


def test_options_that_make_no_sense_are_not_there(freqkv: Run, called: dict[str, Any]) -> None:
    assert problem(freqkv("ask", "a.txt", "what?", "--length", "short")).startswith("No such option: --length")
    assert problem(freqkv("summarize", "a.txt", "--pin-question")).startswith("No such option: --pin-question")
    assert problem(freqkv("count", "a.txt", "--pin-question")).startswith("No such option: --pin-question")
