"""Words of a PDF page with the boxes they fill, as PDFium sees them."""

import ctypes
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2

SPACES = frozenset([0x09, 0x0A, 0x0D, 0x20, 0xA0, 0x3000])
LINE_HYPHEN = 0x02  # what PDFium makes of a hyphen at a line end
# Glyphs of which the file does not say what character they are: PDFium gives their codes, such as control characters.
NO_VALUE = frozenset([*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF]) - SPACES - {LINE_HYPHEN}
UNKNOWN = "\ufffd"
CHARACTERS = {LINE_HYPHEN: "-", **dict.fromkeys(NO_VALUE, UNKNOWN)}


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters without a space. Lengths are points; y grows upwards, as in PDF, and `size` is the height."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def size(self) -> float:
        """The height of the box, about 1.2 times the size of the font."""
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        """The height at which the middle of the word stands."""
        return (self.top + self.bottom) / 2


def page_words(page: "pypdfium2.PdfPage") -> tuple[list[Word], list[Word], int]:
    """Return the words of a page as it is turned for reading, those that stand at an angle to these, and by how many
    right angles it was turned; words in file order.

    Boxes are asked for at both ends of a word alone: two calls a word instead of one a character.
    """
    import pypdfium2.raw as pdfium

    textpage = page.get_textpage()
    try:
        handle = textpage.raw
        codes = [pdfium.FPDFText_GetUnicode(handle, index) for index in range(pdfium.FPDFText_CountChars(handle))]
        letters = "".join(map(chr, codes)).translate(CHARACTERS)
        rect = pdfium.FS_RECTF()
        pointer = ctypes.byref(rect)

        def box(index: int) -> tuple[float, float, float, float]:
            pdfium.FPDFText_GetLooseCharBox(handle, index, pointer)
            return rect.left, rect.bottom, rect.right, rect.top

        by_angle: dict[int, list[Word]] = {}
        for start, end in spans(codes):
            text = letters[start:end]
            one, other = box(start), box(end - 1)
            word = Word(
                text, min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
            )
            turns = round(pdfium.FPDFText_GetCharAngle(handle, start) / (math.pi / 2)) % 4
            by_angle.setdefault(turns, []).append(word)
    finally:
        textpage.close()
    main = max(by_angle, key=lambda turns: sum(len(word.text) for word in by_angle[turns]), default=0)
    aside = [word for turns, words in by_angle.items() if turns != main for word in words]
    return [turned(word, main) for word in by_angle.get(main, [])], aside, main


def spans(codes: list[int]) -> list[tuple[int, int]]:
    """Return begin and end of each word; a hyphen at a line end ends one, as no space follows it."""
    found = []
    start = None
    for index, code in enumerate(codes):
        if code in SPACES:
            if start is not None:
                found.append((start, index))
            start = None
            continue
        if start is None:
            start = index
        if code == LINE_HYPHEN:
            found.append((start, index + 1))
            start = None
    if start is not None:
        found.append((start, len(codes)))
    return found


def turned(word: Word, turns: int) -> Word:
    """Return a word of text that runs at `turns` right angles as if it ran from left to right."""
    if turns == 0:
        return word
    if turns == 2:
        return Word(word.text, -word.right, -word.top, -word.left, -word.bottom)
    if turns == 1:  # clockwise: down the page
        return Word(word.text, -word.top, word.left, -word.bottom, word.right)
    return Word(word.text, word.bottom, -word.right, word.top, -word.left)
