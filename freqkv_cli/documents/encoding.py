"""Encodings: how the bytes of a text become characters, decided before the first one is given out."""

import codecs
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from freqkv_cli.documents.source import BLOCK_BYTES, Source
from freqkv_cli.documents.utf import WIDE_HEAD, byte_order_mark, wide_encoding
from freqkv_cli.errors import InputError, NoTextError, UsageError

SAMPLE_BYTES = 16 * 1024  # of lines that are not UTF-8: what a guess looks at
WRONG_LINE = re.compile(rb"[^\n]{0,80}[\x80-\xff][^\n]{0,80}")
# Control characters that no text has; tab, newlines, form feed, backspace and escape occur in listings and logs.
BINARY = bytes([*range(8), *range(14, 27), *range(28, 32), 127])
BINARY_SHARE = 0.02
# Below this share of wrong bytes among the non-ASCII characters a text is damaged UTF-8 and not another encoding.
DAMAGED_SHARE = 0.1
STRAY_SHARE = 0.3  # of wrong bytes in impossible places, from which on a text with few of them is damaged
FEW_WRONG = 0.002  # of all bytes
TYPOGRAPHIC = frozenset(
    "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00ad\u00a0\u00b7\u2022\u00b0\u00ba\u00aa\u20ac\u00a3\u00a7\u00ab\u00bb"
)
WESTERN = "cp1252"
# What texts without a mark still come in; the more are tried, the longer it takes and the odder the guess.
GUESSED = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859_2", "iso8859_5", "koi8_r", "mac_roman", "cp437", "cp850", "cp866"),
    *("shift_jis", "cp932", "euc_jp", "gb18030", "big5", "euc_kr", "cp949"),
]
GUESS_STEPS = 4
COHERENCE_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec that decodes the whole source with the given error handling, and what the user must know of it."""

    name: str
    errors: str = "strict"
    warning: str | None = None
    replaced: int = 0  # byte sequences that do not fit


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
    unmarked = wide_encoding(source.head(WIDE_HEAD))
    if unmarked and first_error(source, unmarked) is None:
        return Encoding(unmarked, warning=f"{source.label} is read as {unmarked}, by its zero bytes")
    position = first_error(source, "utf-8")
    if position is None:
        return Encoding("utf-8")
    damage = survey(source)
    if damage.is_of_utf8(source.byte_count):
        return Encoding(
            "utf-8",
            "replace",
            f"{source.label}: {damage.wrong} byte sequences are not UTF-8 (the first at byte {position}) "
            "and became U+FFFD",
            damage.wrong,
        )
    return guess(source, position, damage.sample)


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


def decoded_lines(source: Source, encoding: Encoding) -> Iterator[tuple[str, float]]:
    """Yield the lines with their ends, however these are written, and the share of the bytes read with each."""
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    held, read = "", 0
    for piece in decoded(source, encoding.name, encoding.errors):
        read = min(read + BLOCK_BYTES, source.byte_count)
        lines = (held + newlines.decode(piece)).split("\n")
        held = lines.pop()
        for line in lines:
            yield f"{line}\n", read / source.byte_count
    if held := held + newlines.decode("", final=True):
        yield held, 1.0


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


@dataclass(frozen=True, slots=True)
class Damage:
    """How much of a text is not UTF-8.

    wrong: byte sequences that are not. right: characters beyond ASCII that are. stray: share of the wrong ones that are
    no letter or usual sign between others in Windows' Western encoding either. sample: text around the wrong ones.
    """

    wrong: int
    right: int
    stray: float
    sample: bytes

    def is_of_utf8(self, byte_count: int) -> bool:
        """Whether a text of so many bytes is UTF-8 with damage, and no other encoding."""
        if self.wrong <= DAMAGED_SHARE * self.right or (self.stray and self.wrong <= self.right):
            return True
        return self.stray > STRAY_SHARE and self.wrong < FEW_WRONG * byte_count


def survey(source: Source) -> Damage:
    """Return the damage of a text, having read it once."""
    wrong = right = 0
    sample = bytearray()
    for block in source.blocks():
        # A character that the end of a block cuts may count as wrong: one in a million bytes.
        text = block.decode("utf-8", "replace")
        marks = text.count("\ufffd")
        wrong += marks
        right += len(text) - len(text.encode("ascii", "ignore")) - marks
        if marks and len(sample) < SAMPLE_BYTES:
            for match in WRONG_LINE.finditer(block):
                sample += match[0] + b"\n"
                if len(sample) > SAMPLE_BYTES:
                    break
    text = bytes(sample).decode("cp1252", "replace")
    high = [index for index, char in enumerate(text) if char > "\x7f"]
    stray = sum(is_stray(text, index) for index in high)
    return Damage(wrong, right, stray / len(high) if high else 0.0, bytes(sample))


def is_stray(text: str, index: int) -> bool:
    """Whether a character of Windows' Western encoding stands where no text has it."""
    char = text[index]
    if char in "\ufffd\x81\x8d\x8f\x90\x9d":
        return True
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if char.isalpha():
        return before.isdigit() or after.isdigit() or (char.isupper() and before.islower())
    return char not in TYPOGRAPHIC and (before.isalpha() and after.isalpha())


def guess(source: Source, position: int, sample: bytes) -> Encoding:
    """Return the likeliest encoding by a bounded sample of the lines that are not UTF-8; InputError without one."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample, steps=GUESS_STEPS, cp_isolation=GUESSED))
    names = [name for match in matches for name in match.could_be_from_charset if name in GUESSED]
    # Few accents fit many encodings about equally well; then the Western one of Windows is by far the most common.
    if any(
        WESTERN in match.could_be_from_charset and match.coherence >= matches[0].coherence - COHERENCE_MARGIN
        for match in matches
    ):
        names.insert(0, WESTERN)
    for name in dict.fromkeys(names):
        if first_error(source, name) is None:
            warning = f"{source.label} is not UTF-8: read as {name}, a guess; set --encoding if letters look wrong"
            return Encoding(name, warning=warning)
    raise InputError(
        f"{source.label} is not UTF-8 (byte {position}) and no encoding fits: set --encoding, or name a text file"
    )
