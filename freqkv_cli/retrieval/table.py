"""What a table comes to: its rows counted, and for each column how far it reaches, and in which rows, or what stands in
it most often.

A model that is shown a few rows cannot count them all, nor know the highest.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from freqkv_cli.location import Location
from freqkv_cli.retrieval.language import stems
from freqkv_cli.retrieval.passage import Passage

# Kinds of documents that are tables, and what their lines are.
UNITS = {"csv": "rows", "xlsx": "rows", "ods": "rows", "json": "records", "jsonl": "records"}
TABLES = {kind for kind, unit in UNITS.items() if unit == "rows"}  # of which counting says more than notes on some
CELL = re.compile(r"(?:^|; )([^:;|\[]{1,40}): ([^;]*)")  # what lies deeper in a record has brackets
CLOCK = re.compile(r"\d+(?::[0-5]\d){1,2}(?:\.\d+)?")
MOST_COLUMNS, MOST_VALUES = 24, 200  # that are kept of a table; of a column
SHOWN = 5  # values of a column that are named
RARE = 0.05  # share of the cells: where no value has more, none is named


Row = list[tuple[str, str]]  # the names of its columns, and what stands in them


class Extreme(NamedTuple):
    """The lowest or the highest cell of a column: its size, how it is written, the first row that it stands in, and how
    many more rows have one of this size.
    """

    size: float
    value: str
    row: Row
    more: int = 0

    def told(self, label: str) -> str:
        """The cell, with what stands in its row under `label`, which tells the rows apart; alone without one."""
        if not (of := dict(self.row).get(label)):
            return self.value
        return f"{self.value} ({label}: {of}{f' and {self.more} more' if self.more else ''})"


def further(sign: int, known: Extreme | None, size: float, value: str, row: Row) -> Extreme:
    """Return the extreme with one more cell: the highest for a `sign` of 1, the lowest for -1."""
    if known is None or sign * (size - known.size) > 0:
        return Extreme(size, value, row)
    return known._replace(more=known.more + 1) if size == known.size else known


@dataclass(slots=True)
class Column:
    """The cells of one column. `low` and `high` are those of the numbers, dates and times."""

    filled: int = 0
    sized: int = 0
    low: Extreme | None = None
    high: Extreme | None = None
    values: Counter[str] = field(default_factory=Counter)
    crowded: bool = False

    def add(self, value: str, row: Row) -> None:
        """Count a cell of a row."""
        self.filled += 1
        if (size := size_of(value)) is not None:
            self.sized += 1
            self.low = further(-1, self.low, size, value, row)
            self.high = further(1, self.high, size, value, row)
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] += 1
        else:
            self.crowded = True

    @property
    def often(self) -> int:
        """How often the value stands there that is there most often."""
        return max(self.values.values(), default=0)

    def text(self, label: str) -> str:
        """The column in a few words; `label` as in Extreme."""
        if self.low and self.high and self.sized == self.filled and len(self.values) > SHOWN:
            return f"{self.low.told(label)} to {self.high.told(label)}"
        different = f"more than {MOST_VALUES}" if self.crowded else str(len(self.values))
        if len(self.values) > SHOWN and (self.often == 1 or self.often < RARE * self.filled):
            return f"{different} different"
        named = ", ".join(f"{value} ({count})" for value, count in self.values.most_common(SHOWN))
        return named if len(self.values) <= SHOWN else f"{named} and others, {different} in all"


@dataclass(slots=True)
class TableProfile:
    """Takes the passages of tables as they come. `where`: only rows that have one of these values in these columns are
    counted in `rows`, of all `seen`.
    """

    unit: str = ""
    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    where: dict[str, list[str]] = field(default_factory=dict)
    seen: int = 0

    def add(self, passage: Passage, kind: str) -> None:
        """Count the rows of a passage of a document of this kind, if that is a table."""
        if kind not in UNITS:
            return
        self.unit = UNITS[kind]
        for line in passage.text.split("\n"):
            row = [(name, value.strip()) for name, value in CELL.findall(line)]
            if len(row) < 2:
                continue
            self.seen += 1
            if any(dict(row).get(name) not in values for name, values in self.where.items()):
                continue
            self.rows += 1
            for name, value in row:
                if name in self.columns or len(self.columns) < MOST_COLUMNS:
                    self.columns.setdefault(name, Column()).add(value, row)

    def named_in(self, question: str, language: str) -> dict[str, list[str]]:
        """Return which values a question names, by their column; numbers and single letters only where it names the
        column, too. Not those that tell rows apart, and none that is a part of a longer one.
        """
        asked = stems(question, language)
        found: dict[str, list[str]] = {}
        for name, column in self.columns.items():
            any_value = contains(asked, stems(name, language))
            values = [one for one in column.values if any_value or (len(one) > 1 and size_of(one) is None)]
            known = {value: stems(value, language) for value in values} if column.often > 1 else {}
            named = {value: words for value, words in known.items() if contains(asked, words)}
            longest = [
                value
                for value, words in named.items()
                if not any(words != others and contains(others, words) for others in named.values())
            ]
            if longest:
                found[name] = longest
        return found

    def names_row(self, question: str, language: str) -> bool:
        """Return whether a question names a single row, by a value that tells it apart and is no number."""
        asked = stems(question, language)
        apart = (column for column in self.columns.values() if column.often == 1 and not column.sized)
        return any(len(one) > 1 and contains(asked, stems(one, language)) for column in apart for one in column.values)

    @property
    def label(self) -> str:
        """The first column that tells all rows apart and is not of numbers; "" where there is none."""
        apart = (name for name, one in self.columns.items() if one.filled == self.rows and one.often == 1)
        return next((name for name in apart if not self.columns[name].sized), "")

    def told(self, label: str) -> list[str]:
        """The table in a few words, a line for its rows and one for each column; `label` as in Extreme."""
        those = "; ".join(f"{name}: {' or '.join(values)}" for name, values in self.where.items())
        if those and not self.rows:
            return [f"Counted: none of the {self.seen} {self.unit} has {those}"]
        told = [f"{name}: {column.text(label)}" for name, column in self.columns.items()]
        unit = self.unit.removesuffix("s") if self.rows == 1 else self.unit
        return [f"Counted: {self.rows} {unit}{f' with {those}' if those else ''}", *told]

    def text(self, label: str) -> str:
        """The same as one text, in the form of rows."""
        return ";\n".join(self.told(label))

    @property
    def is_table(self) -> bool:
        """Whether there is anything to tell: a row alone is no table, but may be one of a table's."""
        return self.rows > 1 or bool(self.where)

    @property
    def lines(self) -> list[str]:
        """What is told with rows named; none where there is no table."""
        return self.told(self.label) if self.is_table else []

    @property
    def passage(self) -> Passage | None:
        """The same as a passage that can be cited, in no place of its own; None where there is no table."""
        return Passage(self.text(self.label), -1, 0, Location(label="counted")) if self.is_table else None


def contains(words: list[str], part: list[str]) -> bool:
    """Return whether the words of `part` stand in `words`, in order, side by side."""
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1)) if part else False


def size_of(value: str) -> float | None:
    """Return the size of a number, of a time like 1:38:19 in its smallest unit, or of a date; None of anything else."""
    if CLOCK.fullmatch(value):
        size = 0.0
        for part in value.split(":"):
            size = 60 * size + float(part)
        return size
    try:
        size = float(value.replace(",", "").replace("\u202f", ""))
        return size if abs(size) < float("inf") else None
    except ValueError:
        return date_size(value)


def date_size(value: str) -> float | None:
    """Return the seconds from 1970 to a date, with a time or without, as ISO 8601 writes it; None of anything else."""
    try:
        date = datetime.fromisoformat(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
