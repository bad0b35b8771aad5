"""Records: rows of a table and objects of JSON, each as one line that names its columns."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from freqkv_cli.documents.clean import single_line

NAME_LIMIT = 60  # characters of a column's name that every row repeats


def row_line(header: Sequence[str] | None, cells: Sequence[str]) -> str:
    """Return a row as one line: "Date: 3 May; Amount: 1,150.00"; without a header the cells with bars between them."""
    values = [single_line(cell) for cell in cells]
    if header is None:
        return " | ".join(values).strip(" |")
    named = []
    for index, value in enumerate(values):
        name = header[index] if index < len(header) else ""
        if value:
            named.append(f"{name}: {value}" if name else value)
    return "; ".join(named)


def find_header(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """Return the names of the columns if the first of some rows holds them: texts that are all different."""
    if not rows:
        return None
    first = [single_line(cell)[:NAME_LIMIT] for cell in rows[0]]
    filled = [cell for cell in first if cell]
    if len(filled) < 2 or len(set(filled)) < len(filled) or any(is_number(cell) for cell in filled):
        return None
    return first


def is_number(text: str) -> bool:
    """Whether a cell holds a number, an amount or a date, which no column is called by."""
    return bool(text) and not any(char.isalpha() for char in text)


def flat_line(value: Any) -> str:
    """Return a JSON value as one line: "name: Vik; address.city: Skarvik; tags: a, b"."""
    return "; ".join(f"{path}: {text}" if path else text for path, text in flat(value))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each plain value inside of a JSON value; depth is bounded by the parser's."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = single_line(str(key))
            yield from flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        if all(not isinstance(one, dict | list) for one in value):
            if value:
                yield path, ", ".join(plain(one) for one in value)
        else:
            for index, inner in enumerate(value, 1):
                yield from flat(inner, f"{path}[{index}]")
    elif value is not None and (text := plain(value)):
        yield path, text


def plain(value: Any) -> str:
    """Return a string, number or truth value as text on one line."""
    return single_line(value) if isinstance(value, str) else json.dumps(value)
