"""JSON: every record of a list, or line of JSONL, becomes a line with its keys; of anything else, every value."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from freqkv_cli.documents.encoding import Encoding, decoded, decoded_lines
from freqkv_cli.documents.parts import Part, PartsReader, joined
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.records.record_lines import flat, flat_line
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

BYTE_LIMIT = 128 << 20  # the parsed values take about ten times the bytes of the file
GROUP = 8 * 1024  # characters of one part
REPLACED = "byte sequences that do not fit the encoding"


def open_json(source: Source, encoding: Encoding) -> PartsReader:
    """Return the reader of one JSON value; raise InputError where the file holds none."""
    if source.byte_count > BYTE_LIMIT:
        raise InputError(
            f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for one JSON value: write it as JSONL"
        )

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        findings.leave_out(REPLACED, encoding.replaced)
        value = parse("".join(decoded(source, encoding.name, encoding.errors)).lstrip("\ufeff"))
        if isinstance(value, list):
            return grouped(records(value))
        if isinstance(value, dict):
            return grouped(members(value))
        return grouped(iter([(flat_line(value), Location(label="value"))]))

    return PartsReader(source, "JSON file", parts, encoding=encoding.name, warnings=filter(None, [encoding.warning]))


def open_jsonl(source: Source, encoding: Encoding) -> PartsReader:
    """Return the reader of a file with one JSON value a line; lines that hold none are given as they are."""

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        findings.leave_out(REPLACED, encoding.replaced)
        shares = [0.0]

        def lines() -> Iterator[tuple[str, Location]]:
            for number, (line, share) in enumerate(decoded_lines(source, encoding), 1):
                shares[0] = share
                try:
                    text = flat_line(parse(line)) if line.strip() else ""
                except ValueError:
                    text = line
                yield text, Location(unit="record", first_line=number, last_line=number)

        for part, _ in grouped(lines()):
            yield part, shares[0]

    return PartsReader(source, "JSONL file", parts, encoding=encoding.name, warnings=filter(None, [encoding.warning]))


def parse(text: str) -> Any:
    """Return a JSON value; raise ValueError for anything else, also where it is nested too deep."""
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def records(values: Iterable[Any]) -> Iterator[tuple[str, Location]]:
    """Yield the records of a list with their numbers."""
    for number, value in enumerate(values, 1):
        yield flat_line(value), Location(unit="record", first_line=number, last_line=number)


def members(value: dict[str, Any]) -> Iterator[tuple[str, Location]]:
    """Yield the plain members of an object by their paths, and the records of the lists of objects in it."""
    for key, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            for number, one in enumerate(inner, 1):
                yield flat_line(one), Location(unit="record", first_line=number, last_line=number, label=key)
        else:
            for path, text in flat(inner, key):
                yield f"{path}: {text}", Location(label=path)


def grouped(lines: Iterator[tuple[str, Location]]) -> Iterator[tuple[Part, float]]:
    """Yield lines in parts of some thousand characters."""
    held: list[tuple[str, Location]] = []
    length = 0
    for text, place in lines:
        held.append((text, place))
        length += len(text) + 1
        if length > GROUP:
            if part := joined(held):
                yield part, 0.5
            held, length = [], 0
    if part := joined(held):
        yield part, 1.0
