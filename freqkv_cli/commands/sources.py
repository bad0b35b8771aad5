"""Which documents were meant: paths, `-`, or what is piped in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from freqkv_cli.config import Settings
from freqkv_cli.errors import InputError, UsageError

STDIN = "-"


def sources_meant(paths: list[str] | None, usage: str) -> list[str]:
    """The paths; stdin when there are none and something is piped in. Raises UsageError with `usage` otherwise."""
    sources = list(paths or [])
    if not sources:
        if sys.stdin.isatty():
            raise UsageError(f"no document: {usage}")
        return [STDIN]
    if sources.count(STDIN) > 1:
        raise UsageError("stdin can be read only once: give - once")
    if STDIN in sources and sys.stdin.isatty():
        raise UsageError(f"stdin is a terminal: pipe a document in, or {usage}")
    if "" in sources:
        raise UsageError("a document name is empty: check the quotes or the variable it comes from")
    return sources


def question_meant(arguments: list[str] | None, usage: str) -> tuple[list[str], str]:
    """The sources and the question, which comes last. Raises UsageError when one of them seems to be missing."""
    *paths, question = arguments or [""]
    if not question.strip() or question == STDIN:
        raise UsageError(f"no question: {usage}")
    if _is_path(question):
        raise UsageError(f"no question: the last argument, {question}, is a file; {usage}")
    return sources_meant(paths, usage), question


def sources_beside_questions(paths: list[str] | None, questions: str, settings: Settings, usage: str) -> list[str]:
    """The documents when the questions come from the file `questions`. Raises UsageError for what cannot be."""
    if settings.pin_question:
        raise UsageError("--pin-question pins one question: leave it out with --questions")
    sources = sources_meant(paths, usage)
    if questions == STDIN and STDIN in sources:
        raise UsageError("stdin can be read only once: name the document or the questions as a file")
    if questions == STDIN and sys.stdin.isatty():
        raise UsageError("stdin is a terminal: pipe the questions in, or use freqkv chat")
    return sources


@contextmanager
def opened_questions(name: str) -> Iterator[IO[bytes]]:
    """The lines of a file of questions, or of stdin, as they come. Raises InputError when it cannot be opened."""
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise InputError(f"the questions in {name} cannot be read: {getattr(error, 'strerror', error)}") from None
    with file:
        yield file


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long, or with a NUL: a question
        return False
