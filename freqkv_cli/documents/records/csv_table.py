"""CSV: every row becomes a line that names its columns, so that a passage is understood without the first row."""

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence

from freqkv_cli.documents.clean import clean
from freqkv_cli.documents.encoding import Encoding, decoded_lines
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.parts import explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.records.record_lines import find_header, row_line
from freqkv_cli.documents.source import Source
from freqkv_cli.location import Location

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 30
BLOCK = 8 * 1024  # characters of one page
FIELD_LIMIT = 16 << 20


class CsvReader:
    """A table of text. Row 1 is the first row of the file, as in a spreadsheet; quoted cells may span lines."""

    page_count: int | None = None
    metadata = Metadata()

    def __init__(self, source: Source, encoding: Encoding) -> None:
        self.source = source
        self.encoding: str | None = encoding.name
        self._encoding = encoding
        self.warnings = [encoding.warning] if encoding.warning else []
        self._progress = 0.0

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the rows, some thousand characters a page; page and row numbers agree with the file's."""
        self._progress = 0.0
        findings.leave_out("byte sequences that do not fit the encoding", self._encoding.replaced)
        lines = self._lines()
        sample = list(itertools.islice(lines, SAMPLE_ROWS))
        rows = parse(itertools.chain(sample, lines), find_delimiter(sample))
        first = list(itertools.islice(self._explained(rows), 1))
        header = find_header(first)
        held: list[str] = []
        begin, length, pages = 1, 0, itertools.count(1)
        for number, cells in enumerate(self._explained(itertools.chain(first, rows)), 1):
            text = row_line(None if number == 1 else header, cells)
            held.append(text)
            length += len(text) + 1
            if length > BLOCK:
                yield page_of(held, begin, next(pages))
                held, begin, length = [], number + 1, 0
        if any(held):
            yield page_of(held, begin, next(pages))
        self._progress = 1.0

    def progress(self) -> float:
        """Return the share of the bytes read so far, 0 to 1."""
        return self._progress

    def _explained(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        while True:
            with explained(self.source, "CSV file"):
                row = next(rows, None)
            if row is None:
                return
            yield row

    def _lines(self) -> Iterator[str]:
        for line, share in decoded_lines(self.source, self._encoding):
            self._progress = share
            yield clean(line)


def page_of(rows: Sequence[str], begin: int, number: int) -> Page:
    """Return rows as a page; each is one line, so that line numbers are row numbers."""
    place = Location(unit="row", first_line=begin, last_line=begin + len(rows) - 1)
    return Page("\n".join(rows) + "\n", number, begin, None, place)


def find_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that cuts the most lines into the same number of cells, more than one."""

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in parse(iter(lines), delimiter) if any(row)]
        usual = max(counts, key=counts.count, default=1)
        return (counts.count(usual) if usual > 1 else 0), usual

    return max(DELIMITERS, key=agreement)


def parse(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each row."""
    csv.field_size_limit(FIELD_LIMIT)
    return csv.reader(lines, delimiter=delimiter)
