"""Passages: a document cut, while it is read, into short pieces that know their place."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from freqkv_cli.documents.page import Page
from freqkv_cli.location import Location
from freqkv_cli.retrieval.headings import Heading, find_headings
from freqkv_cli.retrieval.sentences import split_sentences

WORDS = 150  # about 200 tokens: several passages fit beside a question

# In scripts without spaces every character counts as a word, and so does every run of 24 characters without a space.
SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{SPACELESS}]|[^\s{SPACELESS}]{{1,24}}")

PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
LINE_END = re.compile(r"\n")
WORD_END = re.compile(r"\s+")
# A page that ends in the middle of a sentence: a line too long for a title, without a mark that ends a sentence.
RUNS_ON = re.compile(r"[^\n|\t]{40,}[\w,\u2013-]\Z")
LONGEST_REST = 300  # characters of a sentence that are taken from the page after it


def count_words(text: str) -> int:
    """Return how many words a text has; a character of a script without spaces is one."""
    return sum(1 for _ in WORD.finditer(text))


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, verbatim but for the white space at its ends.

    `index` counts the passages of all documents from 0, `document` is the number of the document from 0.
    """

    text: str
    index: int
    document: int
    location: Location

    @property
    def place(self) -> str:
        """Where the passage stands, as a citation says it."""
        return self.location.text

    @property
    def heading(self) -> str | None:
        """The title that it stands under."""
        return self.location.heading


class PassageSplitter:
    """Cuts pages into passages of about `words` words, holding no more text than one page and one passage.

    A cut is made at the end of a paragraph, else of a sentence, else of a line, nearest to the length asked for; where
    lines are rows or records, a line is not cut while it need not be. Pages that stand apart are cut each for itself,
    but a sentence that goes on behind the page's end is whole in the passage in which it begins; the blocks of a text
    are one. A new passage begins at a heading, known by the marks of the page or, in a text without marks, by what a
    title looks like.
    """

    def __init__(self, document: int = 0, *, first_index: int = 0, words: int = WORDS) -> None:
        self.document = document
        self.index = first_index
        self.words = words
        self._held = ""
        self._pages: list[tuple[int, Page]] = []  # those that the held text is of, and where in it they begin
        self._headings: list[tuple[int, str]] = []  # where in the held text they are; the first one is that before it
        self._rows = False
        self._open: Passage | None = None  # the last one of a page whose sentence may go on

    def add(self, page: Page) -> Iterator[Passage]:
        """Yield the passages that are complete with this page."""
        places = [*([page.location] if page.location else []), *(place for _, place in page.marks)]
        rows = any(place.has_rows for place in places)
        if page.first_line is None:
            yield from self._completed(page.text)
            position = 0
            breaks = [offset for offset, _ in self._marked(page)]
            for piece in cut(page.text, self.words, last=True, rows=rows, breaks=breaks):
                yield from self._completed()
                self._open = self._passage(piece, page.locate(*inner(piece, position)))
                position += len(piece)
            if self._open and (rows or not RUNS_ON.search(self._open.text)):
                yield from self._completed()
            return
        self._rows = rows
        start = len(self._held)
        self._pages.append((start, page))
        if page.marks:
            known = self._headings[-1][1] if self._headings else None
            self._headings += [(start + offset, title) for offset, title in self._marked(page, known)]
        elif not rows:
            found = find_headings(page.text)
            self._headings += [(start + one.offset, one.title) for one in found if is_sure(one, found)]
        self._held += page.text
        yield from self._cut_held(last=False)

    def finish(self) -> Iterator[Passage]:
        """Yield what is left at the end of the document."""
        yield from self._completed()
        yield from self._cut_held(last=True)
        self._held, self._pages = "", []

    def _completed(self, following: str = "") -> Iterator[Passage]:
        """Yield the passage that waits, with the rest of its last sentence where that stands in `following`."""
        if self._open:
            rest = next(iter(split_sentences(following[:LONGEST_REST])), "").strip()
            yield replace(self._open, text=f"{self._open.text}\n{rest}") if rest else self._open
            self._open = None

    def _marked(self, page: Page, known: str | None = None) -> Iterator[tuple[int, str]]:
        """Yield where another heading than the one before begins, by the marks of a page."""
        for offset, place in page.marks:
            if place.heading and place.heading != known:
                known = place.heading
                yield offset, known

    def _cut_held(self, *, last: bool) -> Iterator[Passage]:
        used = 0
        breaks = [offset for offset, _ in self._headings if offset]
        for piece in cut(self._held, self.words, last=last, rows=self._rows, breaks=breaks):
            start, end = inner(piece, used)
            if passage := self._passage(piece, self._locate(start, end)):
                yield passage
            used += len(piece)
        before = [title for offset, title in self._headings if offset <= used][-1:]
        after = [(offset - used, title) for offset, title in self._headings if offset > used]
        self._headings = [*((0, title) for title in before), *after]
        kept = max(0, bisect_right([offset for offset, _ in self._pages], used) - 1)
        self._pages = [(offset - used, page) for offset, page in self._pages[kept:]]
        self._held = self._held[used:]

    def _locate(self, start: int, end: int) -> Location:
        """Return the place of a part of the held text."""
        first, last = self._page_at(start), self._page_at(max(start, end - 1))
        (begin, page), (begin_last, page_last) = self._pages[first], self._pages[last]
        place = page.locate(start - begin, end - begin if first == last else len(page.text))
        if first != last:
            place = place.to(page_last.locate(0, end - begin_last))
        heading = [title for offset, title in self._headings if offset <= start][-1:]
        return replace(place, heading=heading[0]) if heading else place

    def _page_at(self, offset: int) -> int:
        return bisect_right([begin for begin, _ in self._pages], offset) - 1

    def _passage(self, piece: str, location: Location) -> Passage | None:
        if not (text := piece.strip()):
            return None
        self.index += 1
        return Passage(text, self.index - 1, self.document, location)


def is_sure(heading: Heading, found: Iterable[Heading]) -> bool:
    """Return whether a heading is one that can be trusted beside the others of its text."""
    return heading.rank < 4 or all(other.rank >= 4 for other in found)


def inner(piece: str, start: int) -> tuple[int, int]:
    """Return where the text of a piece that begins at `start` begins and ends, without the white space around it."""
    stripped = piece.strip()
    first = start + len(piece) - len(piece.lstrip())
    return first, first + len(stripped)


def split_passages(
    pages: Iterable[Page], document: int = 0, *, first_index: int = 0, words: int = WORDS
) -> Iterator[Passage]:
    """Yield the passages of a document, in order and without overlap; see `PassageSplitter`."""
    splitter = PassageSplitter(document, first_index=first_index, words=words)
    for page in pages:
        yield from splitter.add(page)
    yield from splitter.finish()


def cut(text: str, words: int, *, last: bool, rows: bool = False, breaks: Iterable[int] = ()) -> Iterator[str]:
    """Yield the pieces of `text`, one after another; what may belong to a later piece is kept back unless `last`.

    `rows`: lines are kept whole where they can be. At one of `breaks` (offsets) a new piece begins where the one before
    has a third of `words` by then.
    """
    starts = [match.start() for match in WORD.finditer(text)]
    forced = sorted(breaks)
    done = position = 0
    while done < len(starts):
        left = len(starts) - done
        if left < 2 * words and not last:
            return
        target = words if left >= 2 * words else left // max(1, round(left / words))
        end = len(text)
        if left - target > words // 4:
            end = best_end(text, *(starts[done + target * share // 8] for share in (6, 8, 10)), rows=rows)
        least = starts[min(done + words // 3, len(starts) - 1)]
        end = next((one for one in forced if least <= one < end), end)
        done = bisect_left(starts, end, done)
        yield text[position:end]
        position = end
    if last and position < len(text):
        yield text[position:]


def best_end(text: str, low: int, target: int, high: int, *, rows: bool = False) -> int:
    """Return where to end a passage between `low` and `high`: at the best kind of end, nearest to `target`."""
    kinds = (paragraph_ends, line_ends, sentence_ends) if rows else (paragraph_ends, sentence_ends, line_ends)
    for ends_of in (*kinds, word_ends):
        if ends := ends_of(text, low, high):
            return min(ends, key=lambda end: abs(end - target))
    return target


def paragraph_ends(text: str, low: int, high: int) -> list[int]:
    """Return where paragraphs end between two places."""
    return [match.end() for match in PARAGRAPH_END.finditer(text, low, high)]


def line_ends(text: str, low: int, high: int) -> list[int]:
    """Return where lines end between two places."""
    return [match.end() for match in LINE_END.finditer(text, low, high)]


def word_ends(text: str, low: int, high: int) -> list[int]:
    """Return where words end between two places."""
    return [match.end() for match in WORD_END.finditer(text, low, high)]


def sentence_ends(text: str, low: int, high: int) -> list[int]:
    """Return where sentences end between two places."""
    ends, position = [], low
    for sentence in split_sentences(text[low:high])[:-1]:
        position += len(sentence)
        ends.append(position)
    return ends
