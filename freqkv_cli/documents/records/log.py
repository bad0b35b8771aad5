"""Logs: plain text whose lines begin with a time, which is their place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.text import TextReader
from freqkv_cli.location import Location

# The times that logs are written with, as datetime.strptime has them; a space is a T as well, or several spaces.
FORMATS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%y/%m/%d %H:%M:%S"),
    *("%d/%b/%Y:%H:%M:%S", "%b %d %H:%M:%S", "%m-%d %H:%M:%S", "%H:%M:%S"),
)
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
FIELDS = {"%Y": r"\d{4}", "%b": f"(?:{MONTHS})", "%d": r"\d{1,2}", " ": r"(?:T|\s+)"}  # the others are two figures
WRITTEN = "|".join(re.sub("%.| ", lambda part: FIELDS.get(part[0], r"\d\d"), form) for form in FORMATS)
TIME = re.compile(rf"(?:<\d+>|[\[<(])?(?:[\w.:/-]+\s+){{0,3}}?[\[(]?({WRITTEN})")  # behind a host, a level, "- -"
SAMPLE_LINES = 40
LOG_SHARE = 0.6  # of the lines of a log begin with a time, the others go on from one
SET_BACK = timedelta(hours=1)  # what clocks are set back in winter; a time that falls by more is of another day or year


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


def times_of(labels: Sequence[str | None]) -> list[datetime | None]:
    """Return the times that places of a log are called by, in its order; None for what is no time.

    Where they have no year, or no date, each is taken as the last such time before the one behind it.
    """
    times: list[datetime | None] = []
    following: datetime | None = None
    for label in reversed(labels):
        time, period = parsed(label)
        if time is not None:
            while following is not None and period and time > following + SET_BACK:
                time -= period
            following = time
        times.append(time)
    return times[::-1]


def parsed(label: str | None) -> tuple[datetime | None, timedelta | None]:
    """Return a time as it is written, and after how long the same can be written again."""
    said = " ".join((label or "").replace("T", " ").split())
    for form in FORMATS:
        has_year = "%y" in form.lower()
        try:
            time = datetime.strptime(said, form) if has_year else datetime.strptime(f"2000 {said}", f"%Y {form}")
        except ValueError:
            continue
        return time, None if has_year else timedelta(366 if "%d" in form else 1)
    return None, None
