"""freqkv summarize: its own settings, and the prompt in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.errors import ExitCode, FreqkvError

Run = Callable[..., Result]


def test_settings_of_a_summary(freqkv: Run, called: dict[str, Any]) -> None:
    freqkv("summarize", "a.pdf", "--format", "bullets", "--focus", "whales", "--language", "French", "--notes")
    settings = called["settings"]
    assert (settings.format, settings.focus, settings.language, settings.notes) == ("bullets", "whales", "French", True)
    assert (settings.effort, settings.prompt) == ("medium", None)


def test_a_prompt_comes_from_a_file(freqkv: Run, called: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("List the ships.\n", encoding="utf-8")
    freqkv("summarize", "a.pdf", "--prompt-file", str(path))
    assert (called["settings"].prompt, called["settings"].prompt_file) == ("List the ships.", None)


@pytest.mark.parametrize(
    ("content", "code", "problem"),
    [
        (None, ExitCode.INPUT, "cannot be read: No such file"),
        (b"\xff\xfe\xff", ExitCode.INPUT, "is not UTF-8 text: save it as UTF-8"),
        (b" \n", ExitCode.USAGE, "is empty: say in it what to write"),
    ],
)
def test_a_bad_prompt_file(
    freqkv: Run, called: dict[str, Any], tmp_path: Path, content: bytes | None, code: ExitCode, problem: str
) -> None:
    path = tmp_path / "prompt.txt"
    if content is not None:
        path.write_bytes(content)
    error = freqkv("summarize", "a.pdf", "--prompt-file", str(path)).exception
    assert isinstance(error, FreqkvError)
    assert problem in error.message
    assert error.exit_code == code


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--prompt", "x", "--prompt-file", "y"], "--prompt-file cannot be given beside --prompt"),
        (["--focus", " "], "--focus must name a topic"),
        (["--language", ""], "--language must name a language"),
        (["--prompt", " "], "--prompt must say what to write"),
    ],
)
def test_settings_that_cannot_be(freqkv: Run, called: dict[str, Any], arguments: list[str], problem: str) -> None:
    error = freqkv("summarize", "a.pdf", *arguments).exception
    assert isinstance(error, FreqkvError)
    assert error.message.startswith(problem)
