"""Running lines: headers, footers and page numbers, known by standing at one place on neighbouring pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from freqkv_cli.documents.pdf.lines import Line

DEPTH = 4  # lines at each edge of a page that may be running ones
NEIGHBOURS = 8  # pages to either side that are compared
REPEATS = 2  # other pages that have the line, where there are as many
SAME_HEIGHT = 4.0  # points
LARGER = 1.25  # times the usual height of a line: a heading, which may come at one place on many pages

ROMAN = r"[ivxlc]{1,7}"
PAGE_WORD = (
    r"(?:page|p\.?|pg\.?|seite|s\.|blatt|p[aá]gina|p[aá]g\.?|pagina|side|sida|sivu|strona|стр\.?|страница|sayfa)"
)
PAGE_NUMBER = re.compile(
    rf"[\s|.\[(\u2013\u2014-]*(?:{PAGE_WORD}\s*)?(\d{{1,5}}|{ROMAN})(?:\s*(?:/|of|von|de|di|av|van|из|\|)\s*\d{{1,5}})?[\s|.\])\u2013\u2014-]*",
    re.IGNORECASE,
)
NUMBER_AT_AN_END = re.compile(
    r"^(\d{1,5})[.|]?\s+|\s+(?:[|\u2013\u2014-]\s*)?(?:page\s*)?(\d{1,5})(?:\s*(?:/|of|von)\s*\d{1,5})?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A line at the edge of a page: its text with and without the number of the page, its place, and that number."""

    whole: str
    text: str
    height: float
    number: int | None
    shift: int | None  # page number printed minus page number counted, the same on all pages of a stretch
    cells: int


@dataclass(frozen=True, slots=True)
class Edges:
    """The lines at the edges of one page, each list from the edge inwards, and how many lines the page has."""

    count: int
    above: tuple[EdgeLine, ...]
    below: tuple[EdgeLine, ...]


def edges_of(lines: Sequence[Line], page: int) -> Edges:
    """Return the lines at both edges of a page whose lines stand from top to bottom."""
    usual = median(line.size for line in lines) if lines else 0.0

    def taken(candidates: Sequence[Line]) -> tuple[EdgeLine, ...]:
        found = []
        for index, line in enumerate(candidates[:DEPTH]):
            if line.size > LARGER * usual and len(lines) > 2 * DEPTH:
                break
            edge = edge_line(line, page)
            inner = candidates[index + 1].cells() if index + 1 < len(candidates) else []
            if edge.cells > 1 and edge.number is None and len(inner) >= edge.cells:
                break  # the head of a table that goes on from the page before
            found.append(edge)
        return tuple(found)

    return Edges(len(lines), taken(lines), taken(lines[::-1]))


def edge_line(line: Line, page: int) -> EdgeLine:
    """Return a line as it is compared: without the number of the page it stands on."""
    number: int | None = None
    texts = []
    cells = line.cells()
    for cell in cells:
        if match := PAGE_NUMBER.fullmatch(cell.text):
            number = int(match[1]) if match[1].isdecimal() else roman(match[1])
            continue
        text = cell.text
        if len(text.split()) > 2 and (match := NUMBER_AT_AN_END.search(text)):
            number = int(match[1] or match[2])
            text = NUMBER_AT_AN_END.sub("", text)
        texts.append(text)
    shift = None if number is None else number - page
    return EdgeLine("\t".join(cell.text for cell in cells), "\t".join(texts), line.bottom, number, shift, len(cells))


def running(page: int, edges: dict[int, Edges]) -> tuple[list[EdgeLine], list[EdgeLine]]:
    """Return the running lines of a page at its upper and lower edge, from the edge inwards.

    `edges` are those of the page and of its neighbours, as many as there are. A line is a running one if other
    pages have it at the same height; a page number must moreover go on with the pages.
    """
    own = edges[page]
    others = [one for number, one in edges.items() if number != page]
    needed = min(REPEATS, len(others))
    if not needed or not own.count:
        return [], []

    def taken(candidates: Sequence[EdgeLine], of_others: Sequence[Sequence[EdgeLine]]) -> list[EdgeLine]:
        found = []
        for line in candidates:
            if sum(any(same(line, other) for other in one) for one in of_others) < needed:
                break
            found.append(line)
        return found

    above = taken(own.above, [one.above for one in others])
    below = taken(own.below[: max(0, own.count - len(above))], [one.below for one in others])
    if len(above) + len(below) == own.count and all(one.count <= own.count for one in others):
        return [], []  # what is all that the pages say is no header
    return above, below


def same(one: EdgeLine, other: EdgeLine) -> bool:
    """Whether two lines of different pages are the same but for the number of their page.

    Beside a number that goes on with the pages the text may change: it is the title of the section.
    """
    if abs(one.height - other.height) >= SAME_HEIGHT:
        return False
    return one.whole == other.whole or (one.shift is not None and one.shift == other.shift)


def roman(text: str) -> int:
    """Return the value of a Roman numeral; any other sequence of its letters has some value too."""
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[char] for char in text.lower()]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
