"""What a task tells, shown: the answer on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text as StyledText

from freqkv_cli.config import Output
from freqkv_cli.events import Answered, Asked, Done, Event, Note, Progress, Text
from freqkv_cli.terminal.answer import AnswerWriter, open_answer
from freqkv_cli.terminal.printable import one_line
from freqkv_cli.terminal.progress import ProgressView, open_progress
from freqkv_cli.terminal.summary import summary_line, timing_line


class Display:
    """Takes the events of one task, in order, and closes behind it.

    `answer_on_screen`: stdout is a terminal and receives the answer piece by piece, so nothing may be drawn meanwhile.
    """

    def __init__(
        self,
        command: str,
        console: Console,
        progress: ProgressView,
        answer: AnswerWriter,
        output: Output,
        *,
        answer_on_screen: bool,
    ) -> None:
        self._command = command
        self._console = console
        self._progress = progress
        self._answer = answer
        self._output = output
        self._answer_on_screen = answer_on_screen
        self._said: dict[str, Note] = {}
        self._waiting: list[Note] = []
        self._done: dict[str, Any] | None = None

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def report(self) -> dict[str, Any] | None:
        """The report of the task, once it is done."""
        return self._done

    def say(self, text: str) -> None:
        """Show a step that comes before the first event."""
        self._progress.say(text)

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Note():
                self._note(event)
            case Progress():
                if not (self._answer_on_screen and self._answer.begun):
                    self._progress.update(event)
            case Text():
                if self._answer_on_screen:
                    self._progress.stop()
                self._answer.add(event.delta)
            case Asked():
                if self._answer_on_screen:
                    self._progress.stop()
                self._answer.begin(event.question)
                self._done = None
            case Answered():
                self._done = event.report
                self._progress.stop()
                self._answer.end(event.report)
                self.close()
                if event.report.get("finish_reason") == "interrupted" and not self._output.quiet:
                    self._console.print("freqkv: interrupted, the answer is incomplete")
            case Done():
                self._finish(event.report)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keeps the terminal free, for a prompt."""
        self._progress.stop()
        yield

    def interrupted(self) -> None:
        """Keep the answer as far as it came. Does nothing when the task itself had a last word."""
        if self._done is None and self._answer.begun:
            self._progress.stop()
            warnings = [note.message for note in self._said.values() if note.warning]
            report = {
                "schema_version": 1,
                "command": self._command,
                "finish_reason": "interrupted",
                "warnings": warnings,
            }
            self._done = report
            self._answer.finish(report)
            if not self._output.quiet:
                self._console.print("freqkv: interrupted, the answer is incomplete")

    def close(self) -> None:
        """Take the progress away and say what had to wait for the end of the answer."""
        self._progress.stop()
        waiting, self._waiting = self._waiting, []
        for note in waiting:
            self._print(note)

    def _finish(self, report: dict[str, Any]) -> None:
        self._done = report
        self._progress.stop()
        self._answer.finish(report)
        self.close()
        if self._output.quiet or report.get("command") == "count":
            return
        self._console.print(StyledText(summary_line(report), style="dim"), soft_wrap=not self._console.is_terminal)
        if self._output.verbose and (timing := timing_line(report)):
            self._console.print(StyledText(timing, style="dim"), soft_wrap=not self._console.is_terminal)

    def _note(self, note: Note) -> None:
        if note.message in self._said:
            return
        self._said[note.message] = note
        if self._output.quiet or not (note.warning or note.wanted or self._output.verbose):
            return
        if self._answer_on_screen and self._answer.begun:
            self._waiting.append(note)  # it would break a line of the answer
        else:
            self._print(note)

    def _print(self, note: Note) -> None:
        text = StyledText("freqkv: ")
        if note.warning:
            text.append("warning: ", style="yellow")
        text.append(one_line(note.message))
        self._console.print(text, soft_wrap=True)


def error_console(no_color: bool = False) -> Console:
    """The console of stderr. File names and model text never are markup on it."""
    return Console(
        file=sys.stderr,
        no_color=True if no_color or os.environ.get("TERM") == "dumb" else None,
        markup=False,
        highlight=False,
        emoji=False,
    )


def open_display(command: str, output: Output, *, stream: bool = True, lines: bool = False) -> Display:
    """The display that suits the terminal and what was asked for; `lines` writes several answers as JSON lines."""
    console = error_console(output.no_color)
    return Display(
        command,
        console,
        open_progress(console, output.quiet),
        open_answer(output.json, stream, lines),
        output,
        answer_on_screen=stream and not (output.json or lines) and sys.stdout.isatty(),
    )
