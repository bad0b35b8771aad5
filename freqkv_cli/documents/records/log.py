"""Logs: plain text whose lines begin with a time, which is their place."""

import re
from collections.abc import Iterator
from dataclasses import replace

from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.text import TextReader
from freqkv_cli.location import Location

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
TIME = re.compile(
    r"""^[\[<(]?(?:[\w.:-]+\s+)??[\[(]?(
    \d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}(?::\d{2})?      # 2026-11-29T10:15:02, 2026/11/29 10:15:02
    | (?:"""
    + MONTHS
    + r""")\s+\d{1,2}\s+\d{2}:\d{2}:\d{2}                   # Nov 29 10:15:02
    | \d{1,2}/(?:"""
    + MONTHS
    + r""")/\d{4}:\d{2}:\d{2}:\d{2}                         # 29/Nov/2026:10:15:02
    | \d{2}:\d{2}:\d{2}                                     # 10:15:02
    )""",
    re.VERBOSE,
)
SAMPLE_LINES = 40
LOG_SHARE = 0.6  # of the lines of a log begin with a time, the others go on from one


def is_log(start: str) -> bool:
    """Whether the beginning of a text looks like a log."""
    lines = [line for line in start.split("\n")[:SAMPLE_LINES] if line.strip()]
    return len(lines) > 2 and sum(bool(TIME.match(line)) for line in lines) > LOG_SHARE * len(lines)


class LogReader(TextReader):
    """A log: the text is left as it is, and each page knows at which time its lines begin."""

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the blocks in order, each with a mark wherever the time changes."""
        time: str | None = None
        for page in super().pages(findings):
            page, time = with_times(page, time)
            yield page


def with_times(page: Page, time: str | None) -> tuple[Page, str | None]:
    """Return a page with the times of its lines as marks, and the last of them; `time` is that of the line before."""
    marks = [(0, Location(label=time))]
    at = 0
    for line in page.text.split("\n"):
        if (match := TIME.match(line)) and match[1] != time:
            time = match[1]
            marks.append((at, Location(label=time)))
        at += len(line) + 1
    return replace(page, location=marks[-1][1], marks=tuple(marks)), time
