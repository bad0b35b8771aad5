"""The answer on stdout, and nothing else on stdout."""

import json
import sys
from typing import Any, Protocol, TextIO

from freqkv_cli.terminal.estimate import estimate_text
from freqkv_cli.terminal.printable import escaped, one_line, printable


class AnswerWriter(Protocol):
    """Where the pieces of an answer go."""

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""

    def begin(self, question: str) -> None:
        """One of several answers is next."""

    def add(self, delta: str) -> None:
        """Take the next piece."""

    def end(self, report: dict[str, Any]) -> None:
        """One of several answers is complete; `report` is that of Answered."""

    def finish(self, report: dict[str, Any]) -> None:
        """Write what is left to write; `report` is that of Done."""


class StreamedAnswer:
    """Writes each piece as it comes."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._last = ""
        self._blocks = 0

    @property
    def begun(self) -> bool:
        """Whether something has been written."""
        return self._last != ""

    def begin(self, question: str) -> None:
        """Write the question above its answer, a line apart from the answer before."""
        self._blocks += 1
        self._write(f"{'' if self._blocks == 1 else chr(10)}> {one_line(question)}\n")

    def add(self, delta: str) -> None:
        """Write and flush."""
        if text := printable(delta):
            self._write(text)
            self._last = text

    def end(self, report: dict[str, Any]) -> None:
        """End the last line of the answer, or say that there is none."""
        if problem := report.get("error"):
            self.add(f"(no answer: {problem})")
        if not self._last.endswith("\n"):
            self._write("\n")
        self._last = ""

    def finish(self, report: dict[str, Any]) -> None:
        """End the last line; an estimate is written here, it has no pieces."""
        if report.get("command") == "count":
            self.add(estimate_text(report))
        if self.begun and not self._last.endswith("\n"):
            self.add("\n")

    def _write(self, text: str) -> None:
        self._stdout.write(text)
        self._stdout.flush()


class HeldAnswer:
    """Keeps the pieces and writes them at once (--no-stream)."""

    def __init__(self, stdout: TextIO) -> None:
        self._streamed = StreamedAnswer(stdout)
        self._pieces: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""
        return bool(self._pieces)

    def begin(self, question: str) -> None:
        """Write the question."""
        self._streamed.begin(question)

    def add(self, delta: str) -> None:
        """Keep the piece."""
        self._pieces.append(delta)

    def end(self, report: dict[str, Any]) -> None:
        """Write the answer."""
        self._release()
        self._streamed.end(report)

    def finish(self, report: dict[str, Any]) -> None:
        """Write everything."""
        self._release()
        self._streamed.finish(report)

    def _release(self) -> None:
        self._streamed.add("".join(self._pieces))
        self._pieces.clear()


class JsonAnswer:
    """Writes the report as one JSON object (--json): indented on a terminal, one line elsewhere."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._pieces: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether a piece has arrived."""
        return bool(self._pieces)

    def begin(self, question: str) -> None:
        """Nothing: the question stands in the report."""

    def add(self, delta: str) -> None:
        """Keep the piece: an interrupted task may not come to put it into a report."""
        self._pieces.append(delta)

    def end(self, report: dict[str, Any]) -> None:
        """Nothing yet: the report of Done has all answers."""
        self._pieces.clear()

    def finish(self, report: dict[str, Any]) -> None:
        """Write the object."""
        if "text" not in report and self.begun:
            report = {**report, "text": "".join(self._pieces)}
        self._stdout.write(json_text(report, self._stdout.isatty()) + "\n")
        self._stdout.flush()


class JsonLinesAnswer:
    """Writes one JSON object a line for each of several answers, when it is complete."""

    begun = False  # nothing is ever written in part

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def begin(self, question: str) -> None:
        """Nothing: the question stands in the report."""

    def add(self, delta: str) -> None:
        """Nothing: the answer stands in the report."""

    def end(self, report: dict[str, Any]) -> None:
        """Write the object."""
        self._stdout.write(json_text(report, indented=False) + "\n")
        self._stdout.flush()

    def finish(self, report: dict[str, Any]) -> None:
        """Nothing: every answer has been written."""


def json_text(report: dict[str, Any], indented: bool) -> str:
    """The object as JSON, what must not be printed escaped (json leaves most of it as it is)."""
    return escaped(json.dumps(report, ensure_ascii=False, indent=2 if indented else None))


def open_answer(as_json: bool, stream: bool, lines: bool = False) -> AnswerWriter:
    """The way of writing that was asked for, on stdout; `lines` is one JSON object for each of several answers."""
    if lines:
        return JsonLinesAnswer(sys.stdout)
    if as_json:
        return JsonAnswer(sys.stdout)
    return StreamedAnswer(sys.stdout) if stream else HeldAnswer(sys.stdout)
