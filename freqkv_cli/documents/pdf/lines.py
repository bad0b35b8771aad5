"""Lines of a PDF page: words that stand side by side, cut into cells where the gap is wider than a space."""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from freqkv_cli.documents.pdf.words import Word

SAME_LINE = 0.5  # share of the smaller height by which two words of one line overlap
CELL_GAP = 0.9  # heights of a line: a wider gap parts two cells ...
STRETCHED = 2.5  # ... if it is so many times the usual gap of its line, which justified text stretches
WIDEST_SPACE = 0.45  # heights of a line: wider gaps are not those of stretched text
Gap = tuple[float, float]  # where it begins and ends
RIGHT_TO_LEFT = frozenset(["R", "AL"])


@dataclass(frozen=True, slots=True)
class Cell:
    """Words with ordinary spaces between them, in reading order, and the box around them."""

    text: str
    left: float
    right: float


class Line:
    """Words that stand side by side, from left to right.

    `bottom`, `top` and `size` are those of its usual words, so that no raised or large character counts; `left` and
    `right` are where it begins and ends.
    """

    __slots__ = ("_lefts", "_reaches", "bottom", "left", "right", "size", "top", "words")

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        usual = sorted(words, key=lambda word: word.bottom)[len(words) // 2]
        self.bottom, self.top, self.size = usual.bottom, usual.top, usual.size
        self._lefts = [word.left for word in words]
        self._reaches = list(accumulate((word.right for word in words), max))
        self.left, self.right = self._lefts[0], self._reaches[-1]

    def crosses(self, x: float) -> bool:
        """Whether a word stands at `x`."""
        before = bisect_left(self._lefts, x)
        return before > 0 and self._reaches[before - 1] > x

    def cut(self, x: float) -> "tuple[Line | None, Line | None]":
        """Return the parts left and right of `x`, None for one without words."""
        left = [word for word in self.words if word.left + word.right < 2 * x]
        right = [word for word in self.words if word.left + word.right >= 2 * x]
        return Line(left) if left else None, Line(right) if right else None

    def gaps(self, least: float = 0.0) -> list[Gap]:
        """Return begin and end of the gaps that are wider than a space can be, or than `least` heights of the line."""
        between = list(zip(self._reaches[:-1], self._lefts[1:], strict=True))
        widths = sorted(end - begin for begin, end in between)
        if least:
            return [(begin, end) for begin, end in between if end - begin > least * self.size]
        usual = widths[len(widths) // 3] if len(widths) > 3 else 0.0
        least = max(CELL_GAP * self.size, STRETCHED * min(usual, WIDEST_SPACE * self.size))
        return [(begin, end) for begin, end in between if end - begin > least]

    def cells(self, gaps: Sequence[Gap] | None = None) -> list[Cell]:
        """Return its cells from left to right, those between the `gaps` if it is known which these are."""
        ends = [begin for begin, _ in (self.gaps() if gaps is None else gaps)]
        groups: list[list[Word]] = [[]]
        for word in self.words:
            if ends and groups[-1] and word.left > ends[0]:
                groups.append([])
                ends.pop(0)
            groups[-1].append(word)
        return [Cell(joined(group), group[0].left, max(word.right for word in group)) for group in groups]


def joined(words: Sequence[Word]) -> str:
    """Return words that stand from left to right as text, in the order in which they are read.

    In a line of a script that runs from right to left the words are turned round, but not those of other scripts and
    the numbers that stand together in it. The characters of a word are in reading order already.
    """
    text = " ".join(word.text for word in words)
    if text.isascii():
        return text
    directions = [direction(word.text) for word in words]
    if directions.count(True) <= directions.count(False):
        return text
    ordered: list[str] = []
    run: list[str] = []
    for word, right_to_left in zip(reversed(words), reversed(directions), strict=True):
        if right_to_left is False:
            run.insert(0, word.text)
            continue
        ordered += [*run, word.text]
        run = []
    return " ".join([*ordered, *run])


def direction(text: str) -> bool | None:
    """Return whether a word runs from right to left; None for one that goes along with its neighbours."""
    if text.isascii():
        return False if any(char.isalnum() for char in text) else None
    classes = [unicodedata.bidirectional(char) for char in text]
    if any(one in RIGHT_TO_LEFT for one in classes):
        return True
    return False if any(one in ("L", "EN", "AN") for one in classes) else None


def lines_of(words: Sequence[Word]) -> list[Line]:
    """Return the lines of a page from top to bottom."""
    lines: list[list[Word]] = []
    edges: list[tuple[float, float]] = []  # of the first, that is the tallest, word of each line so far
    for word in sorted(words, key=lambda one: (-one.middle, one.left)):
        for index in range(len(lines) - 1, max(-1, len(lines) - 4), -1):
            bottom, top = edges[index]
            overlap = min(top, word.top) - max(bottom, word.bottom)
            if overlap > SAME_LINE * min(top - bottom, word.size):
                lines[index].append(word)
                if word.size > top - bottom:
                    edges[index] = (word.bottom, word.top)
                break
        else:
            lines.append([word])
            edges.append((word.bottom, word.top))
    return [Line(sorted(line, key=lambda one: one.left)) for line in lines]
