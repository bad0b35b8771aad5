"""Excerpts: the part of a document from one place to another; nothing outside of it is given out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from freqkv_cli.documents.page import Page
from freqkv_cli.location import title_of


@dataclass(frozen=True, slots=True)
class Point:
    """A place between two characters: `page` counts the pages that `Document.pages` gives, from 0, `offset` the
    characters of its text. `share` of the source, 0 to 1, stands before it; `words` say what place that is.
    """

    page: int
    offset: int
    share: float
    words: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """From `start` to `end`, which is not included; None is the document's own beginning or end."""

    start: Point | None = None
    end: Point | None = None

    @property
    def words(self) -> str:
        """The excerpt in words: "from chapter 9 (line 3), until chapter 12 (line 622)"."""
        named = (("from", self.start), ("until", self.end))
        return ", ".join(f"{name} {point.words}" for name, point in named if point)

    @property
    def key(self) -> str:
        """What tells this excerpt from any other of the same document."""
        return "-".join(f"{point.page}.{point.offset}" if point else "" for point in (self.start, self.end))

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Yield of a document's pages what belongs to the excerpt; what lies behind it is not even asked for."""
        for index, page in enumerate(pages):
            if self.end and (index, 0) >= (self.end.page, self.end.offset):
                return
            if self.start and index < self.start.page:
                continue
            first = self.start.offset if self.start and index == self.start.page else 0
            last = self.end.offset if self.end and index == self.end.page else len(page.text)
            if (piece := page_part(page, first, last)) is not None:
                yield piece
            if self.end and index == self.end.page:
                return

    def progress(self, share: float) -> float:
        """Return how much of the excerpt is read where `share` of the source is; below 1, as its end may be there."""
        start, end = self.start.share if self.start else 0.0, self.end.share if self.end else 1.0
        return max(0.0, min(0.999, (share - start) / (end - start))) if end > start else 0.0


def page_part(page: Page, first: int, last: int) -> Page | None:
    """Return the characters `first` to `last` (not included) of a page as a page, None where they are blank."""
    if (first, last) == (0, len(page.text)):
        return page
    text = page.text[first:last] if page.first_line is not None else page.text[first:last].rstrip()
    if not text.strip():
        return None
    before = [place for at, place in page.marks if at <= first][-1:]
    marks = ((0, place) for place in before), ((at - first, place) for at, place in page.marks if first < at < last)
    line = None if page.first_line is None else page.first_line + page.text.count("\n", 0, first)
    heading = title_of(before[0].heading) if first and before and before[0].heading else page.heading
    return replace(
        page, text=text, first_line=line, heading=heading, marks=tuple(one for some in marks for one in some)
    )
