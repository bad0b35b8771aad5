"""XLS: the sheets of old Excel files, read by xlrd, which takes memory for the cells that are there alone."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError

if TYPE_CHECKING:
    import xlrd

BYTE_LIMIT = 128 << 20
NO_TABLES = "sheets that hold no table"  # but a chart, or macros
LOCKED = "encrypted"  # as xlrd says it


def old_sheets(source: Source, findings: Findings) -> Iterator[tuple[str, float, list[list[Any]]]]:
    """Yield name, share read with it, and rows of each sheet; raise InputError for what is locked or too large."""
    import xlrd

    if source.byte_count > BYTE_LIMIT:
        raise InputError(f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for XLS: save it as CSV")
    with source.opened() as stream:
        try:
            book = xlrd.open_workbook(
                file_contents=stream.read(),
                logfile=io.StringIO(),
                on_demand=True,
                ragged_rows=True,
                ignore_workbook_corruption=True,
            )
        except xlrd.XLRDError as error:
            if LOCKED in str(error):
                raise InputError(f"{source.label} is protected by a password: save it again without one") from None
            raise
    findings.leave_out(NO_TABLES, max(0, book._all_sheets_count - book.nsheets))
    for index, name in enumerate(book.sheet_names()):
        sheet = book.sheet_by_index(index)
        rows = [[value_of(cell, book.datemode) for cell in sheet.row(number)] for number in range(sheet.nrows)]
        book.unload_sheet(index)
        yield name, (index + 1) / book.nsheets, rows


def value_of(cell: "xlrd.sheet.Cell", mode: int) -> Any:
    """Return what a cell holds: a text, a number, a date, a truth value, or the name of an error."""
    import xlrd

    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR")
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            moment = xlrd.xldate_as_datetime(cell.value, mode)
        except (ValueError, OverflowError):  # a number that is shown as a date and is none
            return cell.value
        return moment.time() if cell.value < 1 else moment
    return cell.value
