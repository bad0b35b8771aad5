"""freqkv recap: a summary up to a place."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.errors import UsageError


def test_it_summarises_between_the_places(called: dict[str, Any], freqkv: Callable[..., Result]) -> None:
    assert freqkv("recap", "a.epub", "--from", "chapter 9", "--until", "chapter 12").exit_code == 0
    assert (called["task"], called["sources"]) == ("summarize", ["a.epub"])
    assert (called["settings"].start, called["settings"].until) == ("chapter 9", "chapter 12")


def test_it_must_know_how_far_the_reader_is(called: dict[str, Any], freqkv: Callable[..., Result]) -> None:
    result = freqkv("recap", "a.epub")
    assert isinstance(result.exception, UsageError)
    assert "how far you are" in result.exception.message


def test_a_blank_place_is_refused(called: dict[str, Any], freqkv: Callable[..., Result]) -> None:
    with pytest.raises(UsageError, match="--until must name a place"):
        raise freqkv("ask", "a.epub", "--until", " ", "Who?").exception or AssertionError
