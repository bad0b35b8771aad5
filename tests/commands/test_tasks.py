"""summarize, ask and count: which task gets which documents and which question."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.commands.sources import question_meant, sources_meant
from freqkv_cli.errors import FreqkvError, UsageError
from tests.commands import fakes

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "task", "sources", "question"),
    [
        (["summarize", "a.pdf", "b.txt"], "summarize", ["a.pdf", "b.txt"], None),
        (["summarize"], "summarize", ["-"], None),
        (["summarize", "-"], "summarize", ["-"], None),
        (["summarize", "a.pdf", "--dry-run"], "count", ["a.pdf"], None),
        (["count", "a.pdf"], "count", ["a.pdf"], None),
        (["count"], "count", ["-"], None),
        (["ask", "a.pdf", "b.txt", "who?"], "ask", ["a.pdf", "b.txt"], "who?"),
        (["ask", "who?"], "ask", ["-"], "who?"),
        (["ask", "-", "who?"], "ask", ["-"], "who?"),
        (["ask", "a.pdf", "who?", "--dry-run"], "count", ["a.pdf"], None),
        (["ask", "a.pdf", "--", "-- who?"], "ask", ["a.pdf"], "-- who?"),
    ],
)
def test_what_is_read_and_asked(
    freqkv: Run, called: dict[str, Any], arguments: list[str], task: str, sources: list[str], question: str | None
) -> None:
    result = freqkv(*arguments)
    assert result.exception is None
    assert called["task"] == task
    assert called["sources"] == sources
    assert called.get("question") == question
    assert result.stdout == (fakes.SHOWN if task != "count" else result.stdout)


def test_questions_come_from_a_file_or_from_stdin(freqkv: Run, called: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text('who?\n{"q": "where?", "id": 2}\n\n')
    shown = "> who?\nWHO?\n\n> where?\nWHERE?\n\n> \n(no answer: the question is empty)\n"
    assert freqkv("ask", "a.pdf", "b.txt", "--questions", str(file)).stdout == shown
    assert called["sources"] == ["a.pdf", "b.txt"]
    assert freqkv("ask", "a.pdf", "--questions", "-", stdin=file.read_text()).stdout == shown
    lines = freqkv("ask", "--questions", str(file), "--jsonl", stdin="document").stdout.splitlines()
    assert called["sources"] == ["-"]
    assert [json.loads(line)["question"] for line in lines] == ["who?", "where?", ""]
    whole = json.loads(freqkv("ask", "a.pdf", "--questions", str(file), "--json").stdout)
    assert whole["answers"] == [1, 2, 3]
    freqkv("ask", "a.pdf", "--questions", str(file), "--dry-run")
    assert called["task"] == "count"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["a.pdf", "--questions", "missing.txt"], "the questions in missing.txt cannot be read: No such file"),
        (["-", "--questions", "-"], "stdin can be read only once"),
        (["a.pdf", "--questions", "q.txt", "--pin-question"], "--pin-question pins one question"),
        (["a.pdf", "who?", "--jsonl"], "--jsonl goes with --questions FILE"),
    ],
)
def test_lists_of_questions_that_cannot_be(freqkv: Run, arguments: list[str], problem: str) -> None:
    error = freqkv("ask", *arguments).exception
    assert isinstance(error, FreqkvError)
    assert error.message.startswith(problem)


def test_settings_of_an_answer(freqkv: Run, called: dict[str, Any]) -> None:
    freqkv("ask", "a.pdf", "who?", "--quick", "--strict", "--recall", "3", "--show-passages")
    settings = called["settings"]
    assert (settings.quick, settings.strict, settings.recall, settings.show_passages) == (True, True, 3, True)
    freqkv("ask", "a.pdf", "who?")
    assert (called["settings"].quick, called["settings"].strict, called["settings"].recall) == (False, False, 8)


def test_a_search_without_passages_is_refused(freqkv: Run) -> None:
    error = freqkv("ask", "a.pdf", "who?", "--quick", "--recall", "0").exception
    assert isinstance(error, FreqkvError)
    assert error.message.startswith("--recall must be 1 or more with --quick")


def test_documents_get_the_reading_options(freqkv: Run, called: dict[str, Any]) -> None:
    freqkv("count", "a.pdf", "--pages", "2-", "--encoding", "cp1252", "--type", "text")
    password = called["options"].pop("password")
    assert called["options"].pop("net")("https://example.org/") is False
    assert called["options"] == {"pages": "2-", "encoding": "cp1252", "kind": "text", "ocr": False, "recursive": False}
    assert callable(password)


def test_json_is_one_object(freqkv: Run, called: dict[str, Any]) -> None:
    assert json.loads(freqkv("ask", "a.pdf", "who?", "--json").stdout) == fakes.report("ask", "".join(fakes.ANSWER))
    assert json.loads(freqkv("count", "a.pdf", "--json").stdout) == fakes.counted()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("paths", [[], ["-"], ["a.txt", "-"]])
def test_a_terminal_is_no_document(monkeypatch: pytest.MonkeyPatch, paths: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(UsageError, match="freqkv x FILE"):
        sources_meant(paths, "freqkv x FILE")
    with pytest.raises(UsageError, match="freqkv x FILE"):
        question_meant([*paths, "who?"], "freqkv x FILE")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (None, "no question: say"),
        ([], "no question: say"),
        (["-"], "no question: say"),
        (["a.txt", " "], "no question: say"),
        (["-", "-", "who?"], "stdin can be read only once"),
        (["", "who?"], "a document name is empty"),
    ],
)
def test_a_question_without_words_is_refused(arguments: list[str] | None, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        question_meant(arguments, "say")


def test_a_file_in_the_place_of_the_question_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text")
    with pytest.raises(UsageError, match=r"the last argument, .*a\.txt, is a file"):
        question_meant([str(file)], "say")
    assert question_meant([str(file), "x" * 5000], "say") == ([str(file)], "x" * 5000)
