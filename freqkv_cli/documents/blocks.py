"""Blocks: a text without pages is cut into pieces that a tokenizer reads as it would read the whole."""

import re
from collections.abc import Iterable, Iterator

TARGET = 16 * 1024  # characters after which a good place for a cut is looked for
LIMIT = 64 * 1024  # characters after which any place is good enough

# Byte-level BPE splits text before it merges, and never across "a\n" and "b", nor across "a" and " b": cut there, the
# tokens stay those of the whole. Among several newlines or spaces in a row they would change.
LONE_NEWLINE = re.compile(r"(?<=\S)\n(?=\S)")
LONE_SPACE = re.compile(r"(?<=\S) (?=\S)")


def cut_blocks(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the joined `pieces` as blocks of about 16 thousand characters whose concatenation is the same text.

    A cut is made after a single newline between two visible characters; a text without them is cut before a
    single space, and a line of 64 thousand characters without either is cut where it is.
    """
    held, start = "", 0
    for piece in pieces:
        held, start = held[start:] + piece, 0
        while len(held) - start > LIMIT:
            end = block_end(held, start)
            yield held[start:end]
            start = end
    while start < len(held):
        end = block_end(held, start) if len(held) - start > TARGET else len(held)
        yield held[start:end]
        start = end


def block_end(text: str, start: int) -> int:
    """Return where the block of `text` that begins at `start` ends."""
    target, limit = start + TARGET, start + LIMIT
    if newline := LONE_NEWLINE.search(text, target, target + TARGET):
        return newline.end()
    if space := LONE_SPACE.search(text, target, limit):
        return space.start()
    if newline := LONE_NEWLINE.search(text, target, limit):
        return newline.end()
    return min(len(text), limit)
