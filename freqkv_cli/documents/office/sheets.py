"""XLSX, XLS and ODS: the rows of every sheet, each with the names of its columns, read by calamine, XLS by xlrd."""

import datetime
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.office.extras import OF_OPEN_DOCUMENTS, OF_SHEETS, count_extras
from freqkv_cli.documents.office.old_sheets import NO_TABLES, old_sheets
from freqkv_cli.documents.office.open_document import odf_metadata
from freqkv_cli.documents.office.word import core_properties
from freqkv_cli.documents.parts import Part, PartsReader, explained, joined
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.records.record_lines import find_header, row_line
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

GROUP = 8 * 1024  # characters of one part
CELL_LIMIT = 10_000_000  # of one sheet
HEADER_ROWS = 10  # among which the header is looked for: titles may stand above it
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
CELL = re.compile(rb"\sr=[\"']([A-Za-z]{1,3})(\d{1,7})[\"']")  # the place of a cell, such as AB12
WHAT = "spreadsheet"


def open_sheets(source: Source, kind: str) -> PartsReader:
    """Return the reader of a spreadsheet; raise InputError for a broken or locked one."""
    metadata = Metadata()
    with source.opened() as stream, explained(source, WHAT):
        if kind != "xls":
            archive = Archive(stream, source.label)
            archive.check_size()
            metadata = odf_metadata(archive) if kind == "ods" else core_properties(archive)

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        tables = old_tables(source, findings) if kind == "xls" else new_tables(source, kind, findings)
        for name, share, first, rows in tables:
            for part in sheet_parts(name, rows, first):
                yield part, share

    return PartsReader(source, WHAT, parts, metadata=metadata)


def old_tables(source: Source, findings: Findings) -> Iterator[tuple[str, float, int, list[list[Any]]]]:
    """Yield name, share, number of the first row, and rows of the sheets of an old Excel file."""
    for name, share, rows in old_sheets(source, findings):
        yield name, share, 1, rows


def new_tables(source: Source, kind: str, findings: Findings) -> Iterator[tuple[str, float, int, list[list[Any]]]]:
    """Yield the same of the sheets of any other; raise InputError for a sheet that would not fit into memory."""
    import python_calamine

    with source.opened() as stream:
        archive = Archive(stream, source.label)
        count_extras(archive, OF_OPEN_DOCUMENTS if kind == "ods" else OF_SHEETS, findings)
        check_spans(archive)
        stream.seek(0)
        with quiet_panic():
            book = python_calamine.CalamineWorkbook.from_filelike(stream)
        names = book.sheet_names
        for index, name in enumerate(names, 1):
            try:
                with quiet_panic():
                    sheet = book.get_sheet_by_name(name)
            except python_calamine.CalamineError:  # a sheet that holds a chart, or a damaged one
                findings.leave_out(NO_TABLES)
                continue
            if sheet.total_height * sheet.total_width > CELL_LIMIT:
                raise too_many_cells(source.label)
            yield name, index / len(names), (sheet.start or (0, 0))[0] + 1, sheet.to_python(skip_empty_area=True)


def check_spans(archive: Archive) -> None:
    """Raise InputError for a sheet with cells so far apart that calamine, which makes room for all between, would end
    the process for lack of memory.
    """
    for name in archive.names():
        columns: set[bytes] = set()
        rows: set[bytes] = set()
        for block in archive.blocks(name) if SHEET.fullmatch(name) else ():
            found = CELL.findall(block)
            columns.update(column for column, _ in found)
            rows.update(
                (min((row for _, row in found), key=int), max((row for _, row in found), key=int)) if found else ()
            )
        if columns:
            numbers = [number_of(column) for column in columns]
            heights = list(map(int, rows))
            if (max(numbers) - min(numbers) + 1) * (max(heights) - min(heights) + 1) > CELL_LIMIT:
                raise too_many_cells(archive.label)


def number_of(column: bytes) -> int:
    """Return the number of a column by its letters: 1 of A, 28 of AB."""
    number = 0
    for letter in column.upper():
        number = 26 * number + letter - 64
    return number


def too_many_cells(label: str) -> InputError:
    """Return the one line for a sheet that is too large."""
    return InputError(
        f"{label} has a sheet of more than {CELL_LIMIT:,} cells: delete the stray ones far from the others, or save it "
        "as CSV"
    )


@contextmanager
def quiet_panic() -> Iterator[None]:
    """Keep off stderr what Rust writes there when it panics over a broken file; all else comes out at the end."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    said = b""
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
            held.seek(0)
            said = held.read()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    if said:
        os.write(2, said)


def sheet_parts(name: str, rows: Sequence[Sequence[Any]], first: int) -> Iterator[Part]:
    """Yield the rows of a sheet, whose first row has the number `first`, some thousand characters a part."""
    texts = [[cell_text(cell) for cell in row] for row in rows]
    filled = [index for index, row in enumerate(texts) if sum(map(bool, row)) > 1]
    top = filled[0] if filled and filled[0] < HEADER_ROWS else 0
    header = find_header(texts[top : top + 1]) if len(texts) > top + 1 else None
    held: list[tuple[str, Location]] = []
    length = 0
    for index, row in enumerate(texts):
        number = first + index
        line = row_line(header if index > top else None, row)
        held.append((line, Location(unit="row", first_line=number, last_line=number, label=f"sheet {name}")))
        length += len(line) + 1
        if length > GROUP:
            if part := joined(held, name):
                yield part
            held, length = [], 0
    if part := joined(held, name):
        yield part


def cell_text(value: Any) -> str:
    """Return a value as a spreadsheet shows it: whole numbers without a point, dates without a time at midnight."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
