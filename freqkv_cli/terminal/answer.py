"""The answer on stdout, and nothing else on stdout."""

import json
import re
import sys
from typing import Any, Protocol, TextIO

from freqkv_cli.terminal.estimate import estimate_text
from freqkv_cli.terminal.printable import printable


class Answer(Protocol):
    """Where the pieces of an answer go."""

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""

    def add(self, delta: str) -> None:
        """Take the next piece."""

    def finish(self, report: dict[str, Any]) -> None:
        """Write what is left to write; `report` is that of Done."""


class StreamedAnswer:
    """Writes each piece as it comes."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._last = ""

    @property
    def begun(self) -> bool:
        """Whether something has been written."""
        return self._last != ""

    def add(self, delta: str) -> None:
        """Write and flush."""
        if text := printable(delta):
            self._stdout.write(text)
            self._stdout.flush()
            self._last = text

    def finish(self, report: dict[str, Any]) -> None:
        """End the last line; an estimate is written here, it has no pieces."""
        if report.get("command") == "count":
            self.add(estimate_text(report))
        if self.begun and not self._last.endswith("\n"):
            self.add("\n")


class HeldAnswer:
    """Keeps the pieces and writes them at once (--no-stream)."""

    def __init__(self, stdout: TextIO) -> None:
        self._streamed = StreamedAnswer(stdout)
        self._pieces: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""
        return bool(self._pieces)

    def add(self, delta: str) -> None:
        """Keep the piece."""
        self._pieces.append(delta)

    def finish(self, report: dict[str, Any]) -> None:
        """Write everything."""
        self._streamed.add("".join(self._pieces))
        self._streamed.finish(report)


class JsonAnswer:
    """Writes the report as one JSON object (--json): indented on a terminal, one line elsewhere."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._pieces: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""
        return bool(self._pieces)

    def add(self, delta: str) -> None:
        """Keep the piece: an interrupted task may not come to put it into a report."""
        self._pieces.append(delta)

    def finish(self, report: dict[str, Any]) -> None:
        """Write the object."""
        if "text" not in report and self.begun:
            report = {**report, "text": "".join(self._pieces)}
        self._stdout.write(json_text(report, self._stdout.isatty()) + "\n")
        self._stdout.flush()


def json_text(report: dict[str, Any], indented: bool) -> str:
    """The object as JSON, its control characters escaped (json leaves DEL and C1 as they are)."""
    text = json.dumps(report, ensure_ascii=False, indent=2 if indented else None)
    return re.sub(r"[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", text)


def open_answer(as_json: bool, stream: bool) -> Answer:
    """The way of writing that was asked for, on stdout."""
    if as_json:
        return JsonAnswer(sys.stdout)
    return StreamedAnswer(sys.stdout) if stream else HeldAnswer(sys.stdout)
