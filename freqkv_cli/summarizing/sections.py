"""Sections: where the chapters of a document begin, found while it is read; equal stretches where it has none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from freqkv_cli.documents.page import Page
from freqkv_cli.retrieval.question import SEARCH_WORD
from freqkv_cli.summarizing.headings import Heading, Rank, chapter_mark, find_headings, rank_of

PARAGRAPH = re.compile(r"(?:.+\n?)+|\n+")

Place = tuple[int, int | None]  # page and line


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document for one note. `title` is the heading it began under, `words` its length.

    Pages are page numbers, or parts of a document without pages; lines are known for plain texts.
    """

    title: str | None
    document: int
    words: int
    first_page: int
    last_page: int
    first_line: int | None = None
    last_line: int | None = None
    has_pages: bool = False

    @property
    def place(self) -> str:
        """Where the section stands: "pp. 5-12", "lines 1-300" or "parts 2-3"."""
        if self.first_line is not None and self.last_line is not None:
            return span("line", "lines", self.first_line, self.last_line)
        one, many = ("p.", "pp.") if self.has_pages else ("part", "parts")
        return span(one, many, self.first_page, self.last_page)


class SectionFinder:
    """Divides a document into sections of about `words` words, page by page.

    A section ends where a heading follows, if it has half of `words` by then, or a quarter where a chapter follows;
    without headings, at the first end of a paragraph after `words`; under one heading after twice as many. What is too
    short to be a section joins the next, under the name of the chapter where that begins one.
    """

    def __init__(self, document: int = 0, *, words: int, has_pages: bool = False, markdown: bool = False) -> None:
        self.document = document
        self.words = words
        self.has_pages = has_pages
        self.markdown = markdown
        self._best_rank = Rank.GUESSED  # met so far
        self._page_title: str | None = None
        self._chapter_mark: str | None = None
        self._heading: Heading | None = None
        self._count = 0
        self._first: Place | None = None
        self._last: Place = (0, None)

    def add(self, page: Page) -> Iterator[tuple[int, Section]]:
        """Yield each section that ends on this page, and after how many characters of the page it ends."""
        headings = {heading.offset: heading for heading in self._headings(page)}
        for start, end in pairwise(sorted({0, *headings, len(page.text)})):
            if heading := headings.get(start):
                least = self.words / (4 if heading.rank <= Rank.NUMBERED else 2)
                if self._count >= least:
                    yield start, self._close()
                if self._heading is None or heading.rank < self._heading.rank:
                    self._heading = heading
            for paragraph in PARAGRAPH.finditer(page.text, start, end):
                limit = self.words if self._heading is None else 2 * self.words
                if self._count >= limit and paragraph.group().strip():
                    title = self._heading.title if self._heading else None
                    yield paragraph.start(), self._close()
                    # Of the lowest rank, so that the next heading names what is left of this one if it is short.
                    self._heading = Heading(0, title, Rank.CONTINUED) if title else None
                self._take(page, paragraph)

    def finish(self) -> Section | None:
        """Return the last section, None if nothing is left."""
        return self._close() if self._count else None

    def _headings(self, page: Page) -> list[Heading]:
        if page.first_line is not None:
            found = find_headings(page.text, markdown=self.markdown)
            self._best_rank = min([self._best_rank, *(heading.rank for heading in found)])
            return [heading for heading in found if heading.rank < Rank.GUESSED or self._best_rank is Rank.GUESSED]
        mark, last_mark = chapter_mark(page.text), self._chapter_mark
        if mark is not None and mark.lower() != last_mark:  # else a running head
            self._chapter_mark, self._page_title = mark.lower(), page.heading
            return [Heading(0, page.heading or mark, Rank.CHAPTER)]
        if page.heading is None or page.heading == self._page_title:
            return []
        self._page_title = page.heading
        return [Heading(0, page.heading, rank_of(page.heading))]

    def _take(self, page: Page, paragraph: re.Match[str]) -> None:
        text = paragraph.group()
        self._count += sum(1 for _ in SEARCH_WORD.finditer(text))
        if not text.strip():
            return
        line = None
        if page.first_line is not None:
            line = page.first_line + page.text.count("\n", 0, paragraph.start())
        self._first = self._first or (page.number, line)
        self._last = (page.number, line + text.rstrip("\n").count("\n") if line is not None else None)

    def _close(self) -> Section:
        first = self._first or self._last
        section = Section(
            self._heading.title if self._heading else None,
            self.document,
            self._count,
            first[0],
            self._last[0],
            first[1],
            self._last[1],
            self.has_pages,
        )
        self._heading, self._count, self._first = None, 0, None
        return section


def span(one: str, many: str, first: int, last: int) -> str:
    """Return a range of places in words."""
    return f"{one} {first}" if first == last else f"{many} {first}-{last}"
