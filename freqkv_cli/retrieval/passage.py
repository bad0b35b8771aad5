"""Passages: a document cut, while it is read, into short pieces that know their place."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freqkv_cli.documents.page import Page

WORDS = 150  # about 200 tokens: several passages fit beside a question

# In scripts without spaces every character counts as a word, and so does every run of 24 characters without a space.
SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{SPACELESS}]|[^\s{SPACELESS}]{{1,24}}")

PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]_*]*\s+|[\u3002\uff01\uff1f][\u300d\u300f\u201d]?\s*")
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Hon|Capt|Col|Messrs|No|vs|cf|e\.g|i\.e|[A-Z])\.\s+$")
LINE_END = re.compile(r"\n")
WORD_END = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, verbatim but for the white space at its ends.

    `index` counts the passages of all documents from 0, `document` is the number of the document from 0. `page` is
    known for documents that have pages, `part` (from 1) for those that come in parts, the lines for plain texts.
    """

    text: str
    index: int
    document: int
    page: int | None = None
    part: int | None = None
    first_line: int | None = None
    last_line: int | None = None
    heading: str | None = None

    @property
    def place(self) -> str:
        """Where the passage stands, as a citation says it: "p. 12", "lines 300-318", "Installation" or "part 7"."""
        if self.page is not None:
            return f"p. {self.page}"
        if self.first_line is not None:
            one = self.last_line in (None, self.first_line)
            return f"line {self.first_line}" if one else f"lines {self.first_line}-{self.last_line}"
        return self.heading or f"part {self.part}"


class PassageSplitter:
    """Cuts pages into passages of about `words` words, holding no more text than one page and one passage.

    A cut is made at the end of a paragraph, else of a sentence, else of a line, nearest to the length asked for. Pages
    that stand apart are cut each for itself, so that a passage never spans two of them; the blocks of a text are one.
    """

    def __init__(self, document: int = 0, *, first_index: int = 0, has_pages: bool = False, words: int = WORDS) -> None:
        self.document = document
        self.index = first_index
        self.has_pages = has_pages
        self.words = words
        self._held = ""
        self._line = 1

    def add(self, page: Page) -> Iterator[Passage]:
        """Yield the passages that are complete with this page."""
        if page.first_line is None:
            page_number, part = (page.number, None) if self.has_pages else (None, page.number)
            for text in cut(page.text, self.words, last=True):
                if text.strip():
                    yield Passage(text.strip(), self._count(), self.document, page_number, part, heading=page.heading)
            return
        if not self._held:
            self._line = page.first_line
        yield from self._cut_lines(self._held + page.text, last=False)

    def finish(self) -> Iterator[Passage]:
        """Yield what is left at the end of the document."""
        yield from self._cut_lines(self._held, last=True)
        self._held = ""

    def _cut_lines(self, text: str, *, last: bool) -> Iterator[Passage]:
        used = 0
        for piece in cut(text, self.words, last=last):
            used += len(piece)
            stripped = piece.strip()
            first = self._line + piece[: len(piece) - len(piece.lstrip())].count("\n")
            self._line += piece.count("\n")
            if stripped:
                yield Passage(
                    stripped,
                    self._count(),
                    self.document,
                    first_line=first,
                    last_line=first + stripped.count("\n"),
                )
        self._held = text[used:]

    def _count(self) -> int:
        self.index += 1
        return self.index - 1


def split_passages(
    pages: Iterable[Page], document: int = 0, *, first_index: int = 0, has_pages: bool = False, words: int = WORDS
) -> Iterator[Passage]:
    """Yield the passages of a document, in order and without overlap; see `PassageSplitter`."""
    splitter = PassageSplitter(document, first_index=first_index, has_pages=has_pages, words=words)
    for page in pages:
        yield from splitter.add(page)
    yield from splitter.finish()


def cut(text: str, words: int, *, last: bool) -> Iterator[str]:
    """Yield the pieces of `text`, one after another; what may belong to a later piece is kept back unless `last`."""
    starts = [match.start() for match in WORD.finditer(text)]
    done = position = 0
    while done < len(starts):
        left = len(starts) - done
        if left < 2 * words and not last:
            return
        target = words if left >= 2 * words else left // max(1, round(left / words))
        end = len(text)
        if left - target > words // 4:
            end = best_end(text, *(starts[done + target * share // 8] for share in (6, 8, 10)))
        done = bisect_left(starts, end, done)
        yield text[position:end]
        position = end
    if last and position < len(text):
        yield text[position:]


def best_end(text: str, low: int, target: int, high: int) -> int:
    """Return where to end a passage between `low` and `high`: at the best kind of end, nearest to `target`."""
    for pattern in (PARAGRAPH_END, SENTENCE_END, LINE_END, WORD_END):
        ends = [match.end() for match in pattern.finditer(text, low, high)]
        if pattern is SENTENCE_END:
            ends = [end for end in ends if not ABBREVIATION.search(text, max(0, end - 12), end)]
        if ends:
            return min(ends, key=lambda end: abs(end - target))
    return target
