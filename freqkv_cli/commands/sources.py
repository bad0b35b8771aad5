"""Which documents were meant: paths, `-`, or what is piped in."""

import sys
from pathlib import Path

from freqkv_cli.errors import UsageError

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


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long, or with a NUL: a question
        return False
