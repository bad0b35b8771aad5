"""Encodings: how the bytes of a text become characters, decided before the first one is given out."""

import codecs
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from freqkv_cli.documents.kind import byte_order_mark
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError, NoTextError, UsageError

SAMPLE_BYTES = 64 * 1024
# Control characters that no text has; tab, newlines, form feed, backspace and escape occur in listings and logs.
BINARY = bytes([*range(8), *range(14, 27), *range(28, 32), 127])
BINARY_SHARE = 0.02
# Below this share of wrong bytes among the non-ASCII characters a text is damaged UTF-8 and not another encoding.
DAMAGED_SHARE = 0.1
WESTERN = "cp1252"
COHERENCE_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec that decodes the whole source with the given error handling, and what the user must know of it."""

    name: str
    errors: str = "strict"
    warning: str | None = None


def find_encoding(source: Source, given: str | None = None) -> Encoding:
    """Return how to decode the source: as given, by its byte order mark, as strict UTF-8, else by a guess that is said.

    Raises UsageError for an encoding that does not exist, InputError where the bytes do not fit it or are no text,
    NoTextError where there is nothing but white space.
    """
    if given is not None:
        name = codec_name(given)
        if (position := first_error(source, name)) is not None:
            raise InputError(
                f"{source.label} is not {given}: byte {position} does not fit; try another --encoding or none"
            )
        return Encoding(name)
    if marked := byte_order_mark(source.head(4)):
        if (position := first_error(source, marked)) is not None:
            raise InputError(f"{source.label} is marked as {marked} but byte {position} does not fit: get it again")
        return Encoding(marked)
    position = first_error(source, "utf-8")
    if position is None:
        return Encoding("utf-8")
    wrong, right = count_damage(source)
    if wrong <= DAMAGED_SHARE * right:
        return Encoding(
            "utf-8",
            "replace",
            f"{source.label}: {wrong} byte sequences are not UTF-8 (the first at byte {position}) and became U+FFFD",
        )
    return guess(source, position)


def codec_name(given: str) -> str:
    """Return Python's name of a text encoding; raise UsageError for anything else."""
    try:
        codec = codecs.lookup(given)
        "".encode(codec.name)  # refuses codecs that are no text encodings, such as rot13
        codecs.getincrementaldecoder(codec.name)
    except (LookupError, ValueError):
        raise UsageError(f"encoding {given!r} is not known: use a name such as utf-8, cp1252 or utf-16") from None
    return codec.name


def decoded(source: Source, name: str, errors: str = "strict") -> Iterator[str]:
    """Yield the text block by block; raise UnicodeDecodeError with the position in the whole source."""
    decoder = codecs.getincrementaldecoder(name)(errors)
    position = 0
    for block in itertools.chain(source.blocks(), [b""]):
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(block, not block)
        except UnicodeError as error:  # UTF-16 without a mark is only a UnicodeError
            start = position - pending + getattr(error, "start", 0)
            raise UnicodeDecodeError(name, b"", start, start + 1, str(error)) from None
        position += len(block)


def first_error(source: Source, name: str) -> int | None:
    """Return the first byte that the encoding cannot decode, None if all can be, and make sure that it is text.

    Raises InputError for binary data, NoTextError for white space.
    """
    size = controls = 0
    blank = True
    try:
        for text in decoded(source, name):
            data = text.encode("utf-8", "surrogatepass")
            size += len(data)
            controls += len(data) - len(data.translate(None, BINARY))
            blank = blank and not text.strip("\ufeff \t\r\n\f\v\x00")
    except UnicodeDecodeError as error:
        return error.start
    if controls > BINARY_SHARE * size:
        raise InputError(f"{source.label} is binary data, not text: name a PDF, EPUB, HTML, Markdown or text file")
    if blank:
        raise NoTextError(f"{source.label} holds nothing but white space: name a file with text in it")
    return None


def count_damage(source: Source) -> tuple[int, int]:
    """Return how many byte sequences are not UTF-8 and how many non-ASCII characters are."""
    wrong = right = 0
    for text in decoded(source, "utf-8", "replace"):
        marks = text.count("\ufffd")
        wrong += marks
        right += len(text) - len(text.encode("ascii", "ignore")) - marks
    return wrong, right


def guess(source: Source, position: int) -> Encoding:
    """Return the likeliest encoding by the bytes around the first that is not UTF-8; raise InputError without one."""
    from charset_normalizer import from_bytes

    with source.opened() as stream:
        stream.seek(max(0, position - SAMPLE_BYTES // 2))
        sample = stream.read(SAMPLE_BYTES)
    matches = list(from_bytes(sample))
    names = [name for match in matches for name in match.could_be_from_charset]
    # Few accents fit many encodings about equally well; then the Western one of Windows is by far the most common.
    if any(
        WESTERN in match.could_be_from_charset and match.coherence >= matches[0].coherence - COHERENCE_MARGIN
        for match in matches
    ):
        names.insert(0, WESTERN)
    for name in names:
        if first_error(source, name) is None:
            warning = f"{source.label} is not UTF-8: read as {name}, a guess; set --encoding if letters look wrong"
            return Encoding(name, warning=warning)
    raise InputError(
        f"{source.label} is not UTF-8 (byte {position}) and no encoding fits: set --encoding, or name a text file"
    )
