"""Stretches: the text of each section, kept while it is read, in passages that know their place."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from freqkv_cli.documents.page import Page
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.headings import CHAPTER, LONGEST, NUMBERED, is_capitals
from freqkv_cli.summarizing.sections import Section, SectionFinder

JOINED = 100  # passages of a text without pages that make one page again


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section and its passages. `start` and `end` count the characters of its document."""

    section: Section
    passages: tuple[Passage, ...]
    start: int
    end: int


class StretchReader:
    """Takes the pages of a document and gives its sections with their text; one section and one page are held."""

    def __init__(self, document: int, finder: SectionFinder) -> None:
        self.document = document
        self.finder = finder
        self.length = 0  # characters so far
        self._start = 0
        self._passages: list[Passage] = []
        self._lines = ""
        self._first_line = 1
        self._heads: Counter[str] = Counter()

    def add(self, page: Page) -> Iterator[Stretch]:
        """Yield each section that ends on this page."""
        position = 0
        for end, section in self.finder.add(page):
            self._keep(page, position, end)
            yield self._close(section, self.length + end)
            position = end
        self._keep(page, position, len(page.text))
        self.length += len(page.text) + (2 if page.first_line is None else 0)  # pages that stand apart are joined so

    def finish(self) -> Stretch | None:
        """Return the last section, None if nothing is left."""
        section = self.finder.finish()
        return self._close(section, self.length) if section else None

    def _close(self, section: Section, end: int) -> Stretch:
        self._keep_lines()
        stretch = Stretch(section, tuple(self._passages), self._start, end)
        self._start, self._passages = end, []
        return stretch

    def _keep(self, page: Page, start: int, end: int) -> None:
        piece = page.text[start:end]
        if page.first_line is not None:
            if not self._lines:
                self._first_line = page.first_line + page.text.count("\n", 0, start)
            self._lines += piece  # the blocks of a text are one: a sentence may go on in the next
            return
        text = self._without_head(piece.strip()) if start == 0 else piece.strip()
        if text:
            number, part = (page.number, None) if self.finder.has_pages else (None, page.number)
            index = len(self._passages)
            self._passages.append(Passage(text, index, self.document, number, part, heading=page.heading))

    def _keep_lines(self) -> None:
        text = self._lines.strip()
        if text:
            first = self._first_line + self._lines[: self._lines.index(text)].count("\n")
            last = first + text.count("\n")
            self._passages.append(Passage(text, 0, self.document, first_line=first, last_line=last))
        self._lines = ""

    def _without_head(self, text: str) -> str:
        """Return a page without its running head: a short first line that an earlier page began with."""
        head, _, rest = text.partition("\n")
        self._heads[head] += 1
        return rest if len(head) <= LONGEST and self._heads[head] > 1 else text


def join_passages(passages: Iterable[Passage]) -> Iterator[tuple[int, Page]]:
    """Yield the pages that passages were cut from, each with the number of its document; their places are the same.

    What lay between two passages is taken for a space, or for as many line breaks as there were lines.
    """
    for (document, page, part), group in groupby(passages, lambda one: (one.document, one.page, one.part)):
        if page is not None or part is not None:
            held = list(group)
            yield document, Page("\n".join(one.text for one in held), page or part or 1, None, held[0].heading)
            continue
        line, number = 1, 0
        while held := list(islice(group, JOINED)):
            number += 1
            text, first = "", line
            for one in held:
                between = (one.first_line or line) - line
                text += ("\n" * between if between else " " * (number > 1 or one is not held[0])) + one.text
                line = one.last_line or line
            yield document, Page(text, number, first)


def is_title(line: str) -> bool:
    """Return whether a line stands by itself, whatever comes before and after it: a chapter, a number and its title."""
    title = " ".join(line.split())
    if not title or len(title) > LONGEST:
        return False
    return CHAPTER.fullmatch(title) is not None or NUMBERED.fullmatch(title) is not None or is_capitals(title)
