"""What a table comes to: its rows counted, and for each column how far it reaches or what stands in it most often.

A model that is shown a few rows cannot count them all, nor know the highest.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from freqkv_cli.location import Location
from freqkv_cli.retrieval.passage import Passage

# Kinds of documents that are tables, and what their lines are.
UNITS = {"csv": "rows", "xlsx": "rows", "ods": "rows", "json": "records", "jsonl": "records"}
CELL = re.compile(r"(?:^|; )([^:;|\[]{1,40}): ([^;]*)")  # what lies deeper in a record has brackets
CLOCK = re.compile(r"\d+(?::[0-5]\d){1,2}(?:\.\d+)?")
MOST_COLUMNS, MOST_VALUES = 24, 200  # that are kept of a table; of a column
SHOWN = 5  # values of a column that are named
RARE = 0.05  # share of the cells: where no value has more, none is named


@dataclass(slots=True)
class Column:
    """The cells of one column. `low` and `high` are those of the numbers, dates and times as (size, as written)."""

    filled: int = 0
    sized: int = 0
    low: tuple[float, str] | None = None
    high: tuple[float, str] | None = None
    values: Counter[str] = field(default_factory=Counter)
    crowded: bool = False

    def add(self, value: str) -> None:
        """Count a cell."""
        self.filled += 1
        if (size := size_of(value)) is not None:
            self.sized += 1
            self.low = min(self.low or (size, value), (size, value))
            self.high = max(self.high or (size, value), (size, value))
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] += 1
        else:
            self.crowded = True

    @property
    def text(self) -> str:
        """The column in a few words."""
        if self.low and self.high and self.sized == self.filled and len(self.values) > SHOWN:
            return f"{self.low[1]} to {self.high[1]}"
        different = f"more than {MOST_VALUES}" if self.crowded else str(len(self.values))
        often = self.values.most_common(1)[0][1]
        if len(self.values) > SHOWN and (often == 1 or often < RARE * self.filled):
            return f"{different} different"
        named = ", ".join(f"{value} ({count})" for value, count in self.values.most_common(SHOWN))
        return named if len(self.values) <= SHOWN else f"{named} and others, {different} in all"


@dataclass(slots=True)
class TableProfile:
    """Takes the passages of tables as they come."""

    unit: str = ""
    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)

    def add(self, passage: Passage, kind: str) -> None:
        """Count the rows of a passage of a document of this kind, if that is a table."""
        if kind not in UNITS:
            return
        self.unit = UNITS[kind]
        for line in passage.text.split("\n"):
            cells = CELL.findall(line)
            self.rows += len(cells) > 1
            for name, value in cells if len(cells) > 1 else ():
                if name in self.columns or len(self.columns) < MOST_COLUMNS:
                    self.columns.setdefault(name, Column()).add(value.strip())

    @property
    def lines(self) -> list[str]:
        """The table in a few words, a line for its rows and one for each column; none where there is no table."""
        if self.rows < 2:
            return []
        told = [f"{name}: {column.text}" for name, column in self.columns.items()]
        return [f"Counted: {self.rows} {self.unit}", *told]

    @property
    def passage(self) -> Passage | None:
        """The same as a passage that can be cited, in no place of its own."""
        return Passage(";\n".join(self.lines), -1, 0, Location(label="counted")) if self.lines else None


def size_of(value: str) -> float | None:
    """Return the size of a number, or of a time like 1:38:19 in its smallest unit; None of anything else."""
    if CLOCK.fullmatch(value):
        size = 0.0
        for part in value.split(":"):
            size = 60 * size + float(part)
        return size
    try:
        size = float(value.replace(",", "").replace("\u202f", ""))
    except ValueError:
        return None
    return size if abs(size) < float("inf") else None
