"""Progress on stderr: drawn on a terminal, told in plain lines in a log, or not at all."""

import os
import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from freqkv_cli.events import Progress
from freqkv_cli.terminal.printable import one_line
from freqkv_cli.terminal.wording import plain, share_done, words

FRAMES_PER_SECOND = 5
LINE_EVERY_SHARE = 0.1  # of the document
LINE_EVERY_SECONDS = 30.0
LINES_APART_SECONDS = 1.0


class ProgressView(Protocol):
    """Something that shows where the work stands."""

    def say(self, text: str) -> None:
        """Show a step that has no figures yet."""

    def update(self, progress: Progress) -> None:
        """Show a snapshot of the work; called often."""

    def stop(self) -> None:
        """Take the progress away, so that other text can be written. The next update brings it back."""


class NoProgress:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def update(self, progress: Progress) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class LoggedProgress:
    """Plain lines, for stderr that is a file or a pipe: at each step, then every 10 % or 30 s."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._step = ""
        self._share = 0.0
        self._written = 0.0

    def say(self, text: str) -> None:
        """One line, unless it is the line before."""
        if text != self._step:
            self._step = text
            self._write(text)

    def update(self, progress: Progress) -> None:
        """A line when the step is new, or when enough was done or enough time has gone by since the last one."""
        if progress.phase == "loading" and not progress.tokens_total:
            self.say(plain(progress))
            return
        step = f"{progress.phase} {progress.source}"
        share = share_done(progress) or 0.0
        waited = self._clock() - self._written
        more = int(share / LINE_EVERY_SHARE) > int(self._share / LINE_EVERY_SHARE)
        enough = more and waited >= LINES_APART_SECONDS
        if step != self._step or enough or waited >= LINE_EVERY_SECONDS:
            self._step = step
            self._share = share
            self._write(plain(progress))

    def stop(self) -> None:
        """Nothing: lines stay."""

    def _write(self, text: str) -> None:
        self._written = self._clock()
        self._console.print(Text(f"freqkv: {one_line(text)}"), soft_wrap=True)


class DrawnProgress:
    """One or two lines that are redrawn in place, and leave nothing behind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")
        self._shown: str | Progress = ""
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """Show the text with a spinner."""
        self._show(one_line(text))

    def update(self, progress: Progress) -> None:
        """Keep the snapshot for the next frame."""
        self._show(progress)

    def stop(self) -> None:
        """Erase the lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, shown: str | Progress) -> None:
        self._shown = shown
        if self._live is None:
            self._live = Live(
                get_renderable=self._draw,
                console=self._console,
                transient=True,
                refresh_per_second=FRAMES_PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _draw(self) -> RenderableType:
        room = self._console.width - 3  # the spinner, a space, and the last column, which makes some terminals wrap
        if isinstance(self._shown, str):
            return self._line(Text(self._shown))
        said = words(self._shown, room)
        cells: list[RenderableType] = [Text(said.head)]
        if said.bar:
            cells.append(ProgressBar(1.0, share_done(self._shown) or 0.0, width=said.bar))
        if said.tail:
            cells.append(Text(said.tail))
        first = self._line(*cells)
        return Group(first, Text(f"  {said.figures}", style="dim", no_wrap=True)) if said.figures else first

    def _line(self, *cells: RenderableType) -> Table:
        line = Table.grid(padding=(0, 1, 0, 0))
        for _ in range(len(cells) + 1):
            line.add_column(no_wrap=True)
        line.add_row(self._spinner, *cells)
        return line


def open_progress(console: Console, quiet: bool) -> ProgressView:
    """The progress that suits stderr."""
    if quiet:
        return NoProgress()
    if console.file.isatty() and not console.is_dumb_terminal and os.environ.get("TERM"):
        return DrawnProgress(console)
    return LoggedProgress(console)
