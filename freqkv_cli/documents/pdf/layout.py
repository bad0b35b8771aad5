"""Layout of a PDF page: columns of prose are read one after another, rows of a table as rows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from freqkv_cli.documents.pdf.lines import WIDEST_SPACE, Cell, Line
from freqkv_cli.documents.pdf.words import Word

COLUMN_LINES = 4  # lines that each side of a gutter needs to be a column
COLUMN_WORDS = 3  # words of a usual line of prose, even in a narrow column; cells of tables mostly have fewer
COLUMN_FILL = 0.7  # share of its column's width that a usual line of prose fills
COLUMN_LETTERS = 0.6  # share of letters in prose
LETTERS_APART = 0.3  # the same where no row of a table can be meant: below it are amounts, each in its own row
SIDE_BY_SIDE = 0.3  # of the lines of the shorter column: rows of a table stand at one height, lines of columns may not
COLUMN_GAP = 0.5  # heights of a line: the least width of a gutter
COLUMN_WIDTH = 4  # the same: the least width of a column
MOST_GUTTERS = 12  # places on a page that are tried
DEPTH = 6  # columns in columns
PARAGRAPH_GAP = 1.35  # times the usual distance of two lines
BLOCK_GAP = 1.6
ALIGNED_ROWS = 2  # that show where cells are parted
TABLE_CELLS = 2  # cells that a row of a table has at least


@dataclass(frozen=True, slots=True)
class Row:
    """A line of text as it is read; `apart` if a paragraph begins with it."""

    text: str
    apart: bool


def page_rows(lines: Sequence[Line], depth: int = DEPTH) -> list[Row]:
    """Return the lines of a page, which stand from top to bottom, in the order in which they are read."""
    columns = find_columns(lines) if depth else None
    if columns is None:
        return list(rows_of(lines))
    first, last, x = columns
    halves = [line.cut(x) for line in lines[first:last]]
    parts: list[Sequence[Line]] = [
        lines[:first],
        [left for left, _ in halves if left],
        [right for _, right in halves if right],
        lines[last:],
    ]
    rows: list[Row] = []
    for part in parts:
        if part:
            top, *others = page_rows(part, depth - 1)
            rows += [Row(top.text, bool(rows)), *others]
    return rows


def find_columns(lines: Sequence[Line]) -> tuple[int, int, float] | None:
    """Return the first and last line (not included) that a gutter parts into two columns, and where it stands."""
    best: tuple[int, int, float] | None = None
    candidates = gutters(lines)
    for x in candidates:
        start = 0
        for end in range(len(lines) + 1):
            if end < len(lines) and not lines[end].crosses(x):
                continue
            if end - start >= COLUMN_LINES and (best is None or end - start > best[1] - best[0]):
                first, last = trimmed(lines, start, end, x)
                if is_prose(lines[first:last], x, candidates) and (best is None or last - first > best[1] - best[0]):
                    best = first, last, x
            start = end + 1
    return best


def gutters(lines: Sequence[Line]) -> list[float]:
    """Return places that could be gutters: where several lines begin behind a gap, or right of where others end."""
    size = median(line.size for line in lines) if lines else 1.0
    begins: dict[int, list[float]] = {}
    for line in lines:
        reach = None
        for word in line.words:
            if reach is None or word.left - reach > COLUMN_GAP * size:
                begins.setdefault(round(word.left / size), []).append(word.left)
            reach = max(reach or word.right, word.right)
    margin = min((line.left for line in lines), default=0.0) + COLUMN_WIDTH * size
    often = [places for places in begins.values() if len(places) >= COLUMN_LINES and min(places) > margin]
    often = sorted(often, key=len, reverse=True)[:MOST_GUTTERS]
    return sorted({round(min(places) - COLUMN_GAP * size / 2, 1) for places in often})


def trimmed(lines: Sequence[Line], start: int, end: int, x: float) -> tuple[int, int]:
    """Return the lines of a block without those at its ends that stand apart on one side: headings, notes."""
    steps = [upper.bottom - lower.bottom for upper, lower in pairwise(lines[start:end])]
    usual = median(steps) if steps else 0.0
    for index in range(start, end - 1):
        if all(lines[index].cut(x)):
            break
        if lines[index].bottom - lines[index + 1].bottom > BLOCK_GAP * usual:
            start = index + 1
    for index in range(end - 1, start, -1):
        if all(lines[index].cut(x)):
            break
        if lines[index - 1].bottom - lines[index].bottom > BLOCK_GAP * usual:
            end = index
    return start, end


def is_prose(lines: Sequence[Line], x: float, others: Sequence[float]) -> bool:
    """Whether what stands on both sides of `x` is text that runs on from line to line, and no cells of a table.

    Only what stands between `x` and the next of the `others` counts: there may be a third column, or a fourth.
    """
    clear = [one for one in others if not any(line.crosses(one) for line in lines)]
    begin = max((one for one in clear if one < x), default=-math.inf)
    end = min((one for one in clear if one > x), default=math.inf)
    columns: tuple[list[list[Word]], list[list[Word]]] = ([], [])
    for line in lines:
        for column, low, high in ((columns[0], begin, x), (columns[1], x, end)):
            words = [word for word in line.words if low <= (word.left + word.right) / 2 < high]
            if words:
                column.append(words)
    shorter = min(len(column) for column in columns)
    if shorter < COLUMN_LINES:
        return False
    together = sum(all(line.cut(x)) for line in lines)  # with all that stands beside: a row may have few cells
    apart = together < SIDE_BY_SIDE * shorter
    return all((apart and share_of_letters(column) > LETTERS_APART) or runs_on(column) for column in columns)


def runs_on(column: Sequence[Sequence[Word]]) -> bool:
    """Whether the lines of a column are prose: of several words, mostly letters, and mostly full."""
    width = max(words[-1].right for words in column) - min(words[0].left for words in column)
    fill = median((words[-1].right - words[0].left) / max(1.0, width) for words in column)
    usual = median(len(words) for words in column)
    return fill >= COLUMN_FILL and share_of_letters(column) >= COLUMN_LETTERS and usual >= COLUMN_WORDS


def share_of_letters(column: Sequence[Sequence[Word]]) -> float:
    """Return how many of the characters of a column are letters, 0 to 1."""
    text = "".join(word.text for words in column for word in words)
    return sum(char.isalpha() for char in text) / len(text)


def rows_of(lines: Sequence[Line]) -> Iterator[Row]:
    """Yield the lines of one column; neighbours with several cells are rows of a table, and their cells aligned."""
    steps = [upper.bottom - lower.bottom for upper, lower in pairwise(lines)]
    usual = median(steps) if steps else 0.0
    cells = [line.cells() for line in lines]
    index = 0
    while index < len(lines):
        end = index
        while end < len(lines) and len(cells[end]) >= TABLE_CELLS:
            end += 1
        texts = (
            table(aligned_cells(lines[index:end]))
            if end - index > 1
            else ["\t".join(cell.text for cell in cells[index])]
        )
        for offset, text in enumerate(texts):
            at = index + offset
            apart = at > 0 and (
                steps[at - 1] > PARAGRAPH_GAP * max(usual, lines[at].size)
                or abs(lines[at].size - lines[at - 1].size) > 0.2 * lines[at - 1].size
            )
            yield Row(text, apart)
        index += len(texts)


def aligned_cells(lines: Sequence[Line]) -> list[list[Cell]]:
    """Return the cells of the rows of a table; a narrow gap parts two where other rows have a wide one."""
    wide = [line.gaps() for line in lines]
    cells = []
    for own, line in zip(wide, lines, strict=True):
        others = [gaps for gaps in wide if gaps is not own]
        gaps = [
            gap
            for gap in line.gaps(WIDEST_SPACE)
            if gap in own or sum(any(a < gap[1] and gap[0] < b for a, b in one) for one in others) >= ALIGNED_ROWS
        ]
        cells.append(line.cells(gaps))
    return cells


def table(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return rows of cells with a tab for every column boundary, so that an empty cell leaves its tab."""
    columns: list[list[float]] = []
    for cell in sorted((cell for row in rows for cell in row), key=lambda one: one.left):
        if columns and cell.left < columns[-1][1]:
            columns[-1][1] = max(columns[-1][1], cell.right)
        else:
            columns.append([cell.left, cell.right])
    texts = []
    for row in rows:
        filled: list[list[str]] = [[] for _ in columns]
        for cell in row:
            at = next(index for index, (left, right) in enumerate(columns) if left <= cell.left <= right)
            filled[at].append(cell.text)
        texts.append("\t".join(" ".join(one) for one in filled).rstrip("\t"))
    return texts
