"""One PDF page as lines with their places, before it is known which of them repeat on other pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freqkv_cli.documents.clean import clean, join_hyphenated
from freqkv_cli.documents.pdf.annotations import laid_out, page_annotations
from freqkv_cli.documents.pdf.layout import Row, page_rows
from freqkv_cli.documents.pdf.lines import Line, lines_of
from freqkv_cli.documents.pdf.words import UNKNOWN, page_words, turned

if TYPE_CHECKING:
    import pypdfium2

PICTURE_SHARE = 0.3  # of a page that a picture covers: what it shows is a scan if there is no text
FEW_WORDS = 40  # a header and a footer
UNKNOWN_SHARE = 0.3  # of the characters of a page, above which its fonts do not say what they are
LEADERS = re.compile(r"[ \t]*(?:[.·…][ \t]*){4,}(?=[\dA-Za-z-]{1,8}$)", re.MULTILINE)
CUT_WORD = re.compile(r"([^\W\d_]{2,})[-\u2010]$")
FIRST_WORD = re.compile(r"[^\W\d_]{2,}(?![\w-])[,.;:!?)\u201d\u2019\"']*")


@dataclass(slots=True)
class PageLines:
    """A page: its lines from top to bottom, or its `text` where only that is known; `problem` if it cannot be read."""

    number: int
    lines: Sequence[Line] = ()
    aside: str = ""  # words that stand at an angle to the others
    text: str = ""
    problem: Exception | None = None
    is_picture: bool = False
    kept: Sequence[str] = field(default_factory=list)  # running lines that stay
    left_out: Mapping[str, int] = field(default_factory=dict)  # what is on it besides text, by kind

    @property
    def is_empty(self) -> bool:
        """Whether it has no text."""
        return not (self.lines or self.aside or self.text)

    @property
    def unknown_share(self) -> float:
        """The share of characters without a Unicode value, 0 to 1."""
        words = [word.text for line in self.lines for word in line.words]
        count = sum(map(len, words))
        return sum(text.count(UNKNOWN) for text in words) / count if count else 0.0

    def plain_text(self) -> str:
        """Return the text as it is read: columns one after another, rows of tables with tabs, paragraphs apart."""
        rows = [Row(text, False) for text in self.kept]
        body = page_rows(self.lines)
        rows += [Row(row.text, row.apart or (bool(rows) and index == 0)) for index, row in enumerate(body)]
        if self.aside:
            rows.append(Row(self.aside, bool(rows)))
        return clean(join_hyphenated(assemble(rows) or self.text)).strip("\n ")


def read_lines(pdf: "pypdfium2.PdfDocument", number: int) -> PageLines:
    """Return the lines of a page as PDFium finds them."""
    page = pdf[number - 1]
    try:
        words, aside, turns = page_words(page)
        filled, others = page_annotations(page)
        words += [word for box in filled for word in laid_out(turned(box, turns))]
        pictures = picture_shares(page)
        is_picture = len(words) < FEW_WORDS and max(pictures, default=0.0) > PICTURE_SHARE
    finally:
        page.close()
    found = PageLines(number, lines_of(words), " ".join(word.text for word in aside), is_picture=is_picture)
    found.left_out = {"pictures": len(pictures), **others}
    return found


def picture_shares(page: "pypdfium2.PdfPage") -> list[float]:
    """Return the share of the page that each of its pictures covers, 0 to 1."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    areas = []
    for thing in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = thing.get_bounds()
        areas.append((right - left) * (top - bottom))
    return [min(1.0, area / max(1.0, width * height)) for area in areas]


def assemble(rows: Iterable[Row]) -> str:
    """Return rows as text; a word that is cut by the end of a column goes on in the next line."""
    text = ""
    pieces: list[str] = []
    for row in rows:
        if pieces:
            goes_on = CUT_WORD.search(text[-60:]) and row.text[:1].islower()
            pieces.append("\n" if goes_on or not row.apart else "\n\n")
        pieces.append(row.text)
        text = row.text
    return LEADERS.sub("\t", "".join(pieces))


def carry_word(text: str, following: str) -> tuple[str, str]:
    """Return two pages with the word that the first one cuts at its end whole, as `join_hyphenated` makes it."""
    cut, rest = CUT_WORD.search(text[-60:]), FIRST_WORD.match(following)
    if not (cut and rest and rest[0][0].islower()) or len(rest[0]) == len(following):
        return text, following
    whole = join_hyphenated(f"{cut[0]}\n{rest[0]}")
    return text[: -len(cut[0])] + whole.replace("\n", ""), following[rest.end() :].lstrip(" \n")
