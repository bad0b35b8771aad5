"""Headings: chapter lines, and underlined, numbered or all-capital titles, in plain text and Markdown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

WORD = re.compile(r"\w+")
BODY_WORDS = 20  # a heading with less text under it is a line of the table of contents or of the title page
LONGEST = 80  # characters of a title

NUMERAL = (
    r"(?:\d{1,3}|[IVXLC]+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the\s+\w+|first|last|[A-Z])"
)
KEYWORD = (
    r"(?:chapter|volume|book|part|act|scene|letter|canto|appendix|chapitre|kapitel|teil|cap[i\u00ed]tulo|capitolo)"
)
CHAPTER = re.compile(
    rf"{KEYWORD}\s+{NUMERAL}(?:\s*[.:)\u2013\u2014-].*)?|(?:prologue|epilogue|preface|foreword|conclusion)\.?",
    re.IGNORECASE,
)
CHAPTER_MARK = re.compile(rf"(?-i:(?=[A-Z])){KEYWORD}\s+{NUMERAL}\b", re.IGNORECASE)
CONTENTS = re.compile(r"(?:table of )?contents|index|the end|finis", re.IGNORECASE)
FIRST_LEVEL = re.compile(r"\d{1,2}\.?\s+[^\W\d_].*[^.,;:!?]")
NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.?\s+[^\W\d_].*[^.,;:!?]")
UNDERLINE = re.compile(r"(=|-|~|\*|#)\1{2,}")
ATX = re.compile(r" {0,3}(#{1,3})[ \t]+(.+?)[ \t]*#*")
FENCE = re.compile(r" {0,3}(```|~~~)")
LEADERS = re.compile(r"(?:\. ?){4,}|\t\d+$| {3,}\d+$")


class Rank(IntEnum):
    """How surely a heading begins a chapter."""

    CHAPTER = 1  # it says so
    NUMBERED = 2  # "3. Title", and the first two levels of Markdown
    TITLE = 3
    GUESSED = 4  # a line in capitals, or with a number: it may be a signature, or belong to a list
    CONTINUED = 5  # of a section before


@dataclass(frozen=True, slots=True)
class Heading:
    """A title and where it begins in its text."""

    offset: int
    title: str
    rank: Rank


def find_headings(text: str, *, markdown: bool = False) -> list[Heading]:
    """Return the headings of a text that have some text under them, before the next heading or the end."""
    found = list(atx_headings(text) if markdown else plain_headings(text))
    ends = [following.offset for following in found[1:]]
    kept = [
        heading
        for heading, end in zip(found, ends, strict=False)
        if sum(1 for _ in WORD.finditer(text, heading.offset + len(heading.title), end)) >= BODY_WORDS
    ]
    return kept + found[-1:]


def chapter_mark(text: str) -> str | None:
    """Return the "Chapter 3" that a page begins with, if it does."""
    top = " ".join(text[: 2 * LONGEST].split("\n")[:2])
    match = CHAPTER_MARK.match(top)
    return " ".join(match.group().split()) if match else None


def atx_headings(text: str) -> Iterator[Heading]:
    """Yield the Markdown headings of the first three levels, outside fenced code."""
    fence: str | None = None
    offset = 0
    for line in text.split("\n"):
        if mark := FENCE.match(line):
            fence = mark[1] if fence is None else None if fence == mark[1] else fence
        elif fence is None and (match := ATX.fullmatch(line)):
            yield Heading(offset, match[2], Rank.NUMBERED if len(match[1]) < 3 else Rank.TITLE)
        offset += len(line) + 1


def plain_headings(text: str) -> Iterator[Heading]:
    """Yield the lines after a blank line that look like titles."""
    lines = text.split("\n")
    offset = 0
    for index, line in enumerate(lines):
        title = " ".join(line.split())
        if title and len(title) <= LONGEST and (index == 0 or not lines[index - 1].strip()):
            after = lines[index + 1].strip() if index + 1 < len(lines) else ""
            underlined = len(after) >= len(title) // 2 and UNDERLINE.fullmatch(after) is not None
            rank = rank_of(title)
            if rank is not Rank.CHAPTER and not underlined:
                guess = not after and (NUMBERED.fullmatch(title) is not None or is_capitals(title))
                rank = Rank.GUESSED if guess else Rank.CONTINUED
            if rank <= Rank.GUESSED and not CONTENTS.fullmatch(title) and not LEADERS.search(line):
                yield Heading(offset, title, rank)
        offset += len(line) + 1


def rank_of(title: str) -> Rank:
    """Return what a title says of its own rank."""
    if CHAPTER.fullmatch(title):
        return Rank.CHAPTER
    return Rank.NUMBERED if FIRST_LEVEL.fullmatch(title) else Rank.TITLE


def is_capitals(title: str) -> bool:
    """Return whether a line is a title in capitals alone."""
    return title.isupper() and sum(map(str.isalpha, title)) >= 4 and title[-1] not in ",;"
