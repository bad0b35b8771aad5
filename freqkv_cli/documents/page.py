"""One page: a piece of a document with its place."""

from bisect import bisect_right
from dataclasses import dataclass, replace

from freqkv_cli.location import Location


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of text that is never empty and is free of control characters but newline and tab, with its place.

    `number` counts from 1: PDF pages, EPUB spine items, slides, messages, or the blocks of a text without pages.
    `first_line` counts from 1 and is known where one line of `text` is one line (or row, or record) of the source.
    `heading` is the title under which the page starts, when known. Pages with a `first_line` join to the whole text
    without a seam; the others stand apart and end without a newline.

    `location` is the place of the whole page as its reader knows it. `marks` are finer places in it, each with the
    character of `text` at which it begins, ascending: the times of a log, the rows of a sheet, headings. In a page with
    a `first_line` they tell all but the lines, which are counted. `locate` uses them all.
    """

    text: str
    number: int
    first_line: int | None
    heading: str | None = None
    location: Location | None = None
    marks: tuple[tuple[int, Location], ...] = ()

    def locate(self, start: int = 0, end: int | None = None) -> Location:
        """Return the place of the characters `start` to `end` (not included) of `text`; of all of it by default."""
        end = len(self.text) if end is None else end
        last = max(start, end - 1)
        place = self._mark(start) or self.location or Location(part=self.number, heading=self.heading)
        if self.first_line is None:
            return place.to(self._mark(last) or place)
        top = self.first_line + self.text.count("\n", 0, start)
        return replace(place, part=None, first_line=top, last_line=top + self.text.count("\n", start, last))

    def _mark(self, at: int) -> Location | None:
        """Return the last mark at or before a character."""
        index = bisect_right(self.marks, at, key=lambda mark: mark[0])
        return self.marks[max(0, index - 1)][1] if self.marks else None
